#include "controlplane/sip/transaction_states.h"

#include <array>
#include <map>
#include <utility>

#include <gtest/gtest.h>

namespace isthmus::sip {
namespace {

using namespace step;
using enum State;
using Table = std::map<std::pair<State, Event>, Step>;

constexpr std::uint16_t kFinal = kPass | kStopRetransmit | kStopTimeout | kStartWait;

/// Every cell of state x event is checked: what the table leaves out changes nothing and does nothing.
void check(Machine machine, const Table& table, std::uint16_t otherwise_response = kNothing) {
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      const auto state = static_cast<State>(s);
      const auto event = static_cast<Event>(e);
      const auto cell = table.find({state, event});
      const bool is_response = event == Event::kProvisional || event == Event::kSuccess || event == Event::kFailure;
      Step expected{state, state != kTerminated && is_response ? otherwise_response : kNothing};
      if (cell != table.end()) expected = cell->second;
      if (event == Event::kWaitTimer) expected = {kTerminated, kNothing};
      const Step got = advance(machine, state, event);
      EXPECT_EQ(got.next, expected.next) << "state " << s << " event " << e;
      EXPECT_EQ(got.actions, expected.actions) << "state " << s << " event " << e;
    }
  }
}

TEST(TransactionStates, InviteClient) {  // RFC 3261 figure 5, RFC 6026 figure 7
  check(Machine::kInviteClient,
        {{{kTrying, Event::kProvisional}, {kProceeding, kPass | kStopRetransmit | kStopTimeout}},
         {{kTrying, Event::kSuccess}, {kAccepted, kFinal}},
         {{kTrying, Event::kFailure}, {kCompleted, kFinal | kSendAck}},
         {{kTrying, Event::kRetransmitTimer}, {kTrying, kResend | kStartRetransmit}},
         {{kTrying, Event::kTimeoutTimer}, {kTerminated, kTellTimeout | kStopRetransmit}},
         {{kTrying, Event::kTransportError}, {kTerminated, kTellTransportError | kStopRetransmit | kStopTimeout}},
         {{kProceeding, Event::kProvisional}, {kProceeding, kPass}},
         {{kProceeding, Event::kSuccess}, {kAccepted, kFinal}},
         {{kProceeding, Event::kFailure}, {kCompleted, kFinal | kSendAck}},
         {{kProceeding, Event::kTimeoutTimer}, {kTerminated, kTellTimeout | kStopRetransmit}},
         {{kCompleted, Event::kFailure}, {kCompleted, kSendAck}},
         {{kCompleted, Event::kTransportError}, {kTerminated, kNothing}},
         {{kAccepted, Event::kSuccess}, {kAccepted, kPass}}});
}

TEST(TransactionStates, Client) {  // RFC 3261 figure 6
  Table table;
  for (const State state : {kTrying, kProceeding}) {
    table[{state, Event::kProvisional}] = {kProceeding, kPass};
    table[{state, Event::kSuccess}] = {kCompleted, kFinal};
    table[{state, Event::kFailure}] = {kCompleted, kFinal};
    table[{state, Event::kRetransmitTimer}] = {state, kResend | kStartRetransmit};
    table[{state, Event::kTimeoutTimer}] = {kTerminated, kTellTimeout | kStopRetransmit};
    table[{state, Event::kTransportError}] = {kTerminated, kTellTransportError | kStopRetransmit | kStopTimeout};
  }
  check(Machine::kClient, table);
}

TEST(TransactionStates, InviteServer) {  // RFC 3261 figure 7, RFC 6026 figure 8
  Table table = {{{kProceeding, Event::kProvisional}, {kProceeding, kSend}},
                 {{kProceeding, Event::kSuccess}, {kAccepted, kSend | kStartWait}},
                 {{kProceeding, Event::kFailure}, {kCompleted, kSend | kStartRetransmit | kStartTimeout}},
                 {{kProceeding, Event::kRequest}, {kProceeding, kResend}},
                 {{kAccepted, Event::kSuccess}, {kAccepted, kSend}},
                 {{kAccepted, Event::kAck}, {kAccepted, kPass}},
                 {{kCompleted, Event::kRequest}, {kCompleted, kResend}},
                 {{kCompleted, Event::kAck}, {kConfirmed, kStopRetransmit | kStopTimeout | kStartWait}},
                 {{kCompleted, Event::kRetransmitTimer}, {kCompleted, kResend | kStartRetransmit}},
                 {{kCompleted, Event::kTimeoutTimer}, {kTerminated, kTellTimeout | kStopRetransmit}}};
  for (const State state : {kTrying, kProceeding, kCompleted, kConfirmed, kAccepted}) {
    table[{state, Event::kTransportError}] = {state, kTellTransportError};
  }
  check(Machine::kInviteServer, table, kRefused);
}

TEST(TransactionStates, Server) {  // RFC 3261 figure 8
  Table table = {{{kProceeding, Event::kRequest}, {kProceeding, kResend}},
                 {{kCompleted, Event::kRequest}, {kCompleted, kResend}}};
  for (const State state : {kTrying, kProceeding}) {
    table[{state, Event::kProvisional}] = {kProceeding, kSend};
    table[{state, Event::kSuccess}] = {kCompleted, kSend | kStartWait};
    table[{state, Event::kFailure}] = {kCompleted, kSend | kStartWait};
  }
  for (const State state : {kTrying, kProceeding, kCompleted, kConfirmed, kAccepted}) {
    table[{state, Event::kTransportError}] = {state, kTellTransportError};
  }
  check(Machine::kServer, table, kRefused);
}

}  // namespace
}  // namespace isthmus::sip
