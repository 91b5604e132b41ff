#include "controlplane/sip/transaction_states.h"

namespace isthmus::sip {

namespace {

using enum State;
using namespace step;

constexpr std::uint16_t kFinal = kPass | kStopRetransmit | kStopTimeout | kStartWait;

/// RFC 3261 17.1.1.2 figure 5, RFC 6026 8.4 figure 7.
Step invite_client(State state, Event event) {
  const bool is_open = state == kTrying || state == kProceeding;
  switch (event) {
    case Event::kProvisional:
      if (state == kTrying) return {kProceeding, kPass | kStopRetransmit | kStopTimeout};
      if (state == kProceeding) return {kProceeding, kPass};
      break;
    case Event::kSuccess:
      if (is_open) return {kAccepted, kFinal};
      if (state == kAccepted) return {kAccepted, kPass};
      break;
    case Event::kFailure:
      if (is_open) return {kCompleted, kFinal | kSendAck};
      if (state == kCompleted) return {kCompleted, kSendAck};
      break;
    case Event::kRetransmitTimer:
      if (state == kTrying) return {kTrying, kResend | kStartRetransmit};
      break;
    case Event::kTimeoutTimer:
      // In Proceeding it runs only after CANCEL (RFC 3261 9.1).
      if (is_open) return {kTerminated, kTellTimeout | kStopRetransmit};
      break;
    case Event::kWaitTimer: return {kTerminated, kNothing};
    case Event::kTransportError:
      if (state == kTrying) return {kTerminated, kTellTransportError | kStopRetransmit | kStopTimeout};
      if (state == kCompleted) return {kTerminated, kNothing};  // the ACK is lost; the user has its final response
      break;  // Proceeding: the peer has the request and finds another way for its response (RFC 3261 18.2.2)
    default: break;
  }
  return {state, kNothing};
}

/// RFC 3261 17.1.2.2 figure 6.
Step client(State state, Event event) {
  const bool is_open = state == kTrying || state == kProceeding;
  switch (event) {
    case Event::kProvisional:
      if (is_open) return {kProceeding, kPass};
      break;
    case Event::kSuccess:
    case Event::kFailure:
      if (is_open) return {kCompleted, kFinal};
      break;
    case Event::kRetransmitTimer:
      if (is_open) return {state, kResend | kStartRetransmit};
      break;
    case Event::kTimeoutTimer:
      if (is_open) return {kTerminated, kTellTimeout | kStopRetransmit};
      break;
    case Event::kWaitTimer: return {kTerminated, kNothing};
    case Event::kTransportError:
      if (is_open) return {kTerminated, kTellTransportError | kStopRetransmit | kStopTimeout};
      break;
    default: break;
  }
  return {state, kNothing};
}

/// RFC 3261 17.2.1 figure 7, RFC 6026 8.7 figure 8.
Step invite_server(State state, Event event) {
  switch (event) {
    case Event::kProvisional:
      if (state == kProceeding) return {kProceeding, kSend};
      return {state, kRefused};
    case Event::kSuccess:
      if (state == kProceeding) return {kAccepted, kSend | kStartWait};
      if (state == kAccepted) return {kAccepted, kSend};
      return {state, kRefused};
    case Event::kFailure:
      if (state == kProceeding) return {kCompleted, kSend | kStartRetransmit | kStartTimeout};
      return {state, kRefused};
    case Event::kRequest:
      if (state == kProceeding || state == kCompleted) return {state, kResend};
      break;  // Accepted: absorbed; the user repeats its 2xx by itself
    case Event::kAck:
      if (state == kCompleted) return {kConfirmed, kStopRetransmit | kStopTimeout | kStartWait};
      if (state == kAccepted) return {kAccepted, kPass};
      break;
    case Event::kRetransmitTimer:
      if (state == kCompleted) return {kCompleted, kResend | kStartRetransmit};
      break;
    case Event::kTimeoutTimer:
      if (state == kCompleted) return {kTerminated, kTellTimeout | kStopRetransmit};
      break;
    case Event::kWaitTimer: return {kTerminated, kNothing};
    case Event::kTransportError: return {state, kTellTransportError};  // RFC 6026 7.1: it may still be answered
  }
  return {state, kNothing};
}

/// RFC 3261 17.2.2 figure 8.
Step server(State state, Event event) {
  const bool is_open = state == kTrying || state == kProceeding;
  switch (event) {
    case Event::kProvisional:
      if (is_open) return {kProceeding, kSend};
      return {state, kRefused};
    case Event::kSuccess:
    case Event::kFailure:
      if (is_open) return {kCompleted, kSend | kStartWait};
      return {state, kRefused};
    case Event::kRequest:
      if (state == kProceeding || state == kCompleted) return {state, kResend};
      break;
    case Event::kWaitTimer: return {kTerminated, kNothing};
    case Event::kTransportError: return {state, kTellTransportError};
    default: break;
  }
  return {state, kNothing};
}

}  // namespace

Step advance(Machine machine, State state, Event event) {
  if (state == kTerminated) return {kTerminated, kNothing};
  switch (machine) {
    case Machine::kInviteClient: return invite_client(state, event);
    case Machine::kClient: return client(state, event);
    case Machine::kInviteServer: return invite_server(state, event);
    case Machine::kServer: return server(state, event);
  }
  return {state, kNothing};
}

}  // namespace isthmus::sip
