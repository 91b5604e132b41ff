#include "controlplane/app/peer_monitor.h"

#include <gtest/gtest.h>

#include <array>

#include "controlplane/event_loop/manual_timers.h"

namespace isthmus::app {
namespace {

using namespace std::chrono_literals;
using status::PeerState;

struct PeerMonitorTest : testing::Test {
  event_loop::ManualTimers timers;
  SeededRandom random{1};
  status::Alarms alarms;
  std::vector<sip::Message> sent;
  std::optional<Error> refuse;
  config::ControlPlane config = make_config();
  PeerMonitor monitor{{.timers = timers,
                       .random = random,
                       .alarms = alarms,
                       .send = [this](sip::Message message, const sip::Target&) -> Result<sip::ClientId> {
                         if (refuse) return tl::unexpected(*refuse);
                         sent.push_back(std::move(message));
                         return sip::ClientId{sent.size()};
                       },
                       .sent_by = [](sip::ListenerId) { return std::string("10.2.0.1:5060"); }},
                      config,
                      {sip::ListenerId{0}}};

  static config::ControlPlane make_config() {
    config::ControlPlane made;
    made.node.host_name = "gw.example.com";
    made.listeners = {{"udp", config::Transport::kUdp, IpAddress::v4(10, 2, 0, 1), 5060, "", ""}};
    config::Zone rooms;
    rooms.name = "rooms";
    rooms.peers = {{"10.2.0.2", 5060, config::Transport::kUdp}};
    config::Zone quiet = rooms;
    quiet.name = "quiet";
    quiet.monitor = false;
    made.zones = {rooms, quiet};
    return made;
  }
  void begin() {
    monitor.start();
    timers.advance(1ms);
  }
  sip::ClientId last() const { return sip::ClientId{sent.size()}; }
  void answer(std::uint16_t status) {
    EXPECT_TRUE(monitor.on_answer(last(), sip::Message::response(sent.back(), status)));
  }
  PeerState state() const { return monitor.peers().at(0).state; }
};

TEST_F(PeerMonitorTest, AsksEachPeerOfMonitoredZonesAtOnce) {
  begin();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].method(), sip::Method::kOptions);
  EXPECT_EQ(sent[0].max_forwards(), 15U);  // R54
  EXPECT_EQ(sent[0].header(sip::HeaderId::kContact), "<sip:10.2.0.1:5060>");
  EXPECT_EQ(state(), PeerState::kUnknown);
  EXPECT_EQ(monitor.peers().at(1).cause, "not monitored");
}

TEST_F(PeerMonitorTest, AnswersMeanAliveEvenRefusals) {
  for (const std::uint16_t status : std::array<std::uint16_t, 5>{200, 404, 405, 481, 486}) {
    sent.clear();
    begin();
    answer(status);
    EXPECT_EQ(state(), PeerState::kAlive) << status;
    monitor.stop();
  }
}

TEST_F(PeerMonitorTest, ProvisionalAnswersDecideNothing) {
  begin();
  answer(100);
  EXPECT_EQ(state(), PeerState::kUnknown);
  answer(200);
  EXPECT_EQ(state(), PeerState::kAlive);
}

TEST_F(PeerMonitorTest, AliveIsAskedAgainAfterTheInterval) {
  begin();
  answer(200);
  timers.advance(config.timers.monitor_interval - 1ms);
  EXPECT_EQ(sent.size(), 1U);
  timers.advance(2ms);
  EXPECT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].call_id(), sent[0].call_id());
  EXPECT_EQ(sent[1].cseq().number, sent[0].cseq().number + 1);
}

TEST_F(PeerMonitorTest, FailsAfterThatManyMissesRaisesAnAlarmAndComesBack) {  // R51
  begin();
  for (unsigned miss = 1; miss <= config.timers.monitor_failures; ++miss) {
    EXPECT_NE(state(), PeerState::kFailed);
    EXPECT_TRUE(monitor.on_silence(last(), "no answer"));
    if (miss < config.timers.monitor_failures) timers.advance(config.timers.monitor_retry_interval + 1ms);
  }
  EXPECT_EQ(state(), PeerState::kFailed);
  EXPECT_EQ(monitor.peers().at(0).cause, "no answer");
  ASSERT_EQ(alarms.standing().size(), 1U);
  EXPECT_EQ(alarms.standing()[0].subject, "rooms 10.2.0.2:5060");
  timers.advance(config.timers.monitor_retry_interval + 1ms);
  answer(200);
  EXPECT_EQ(state(), PeerState::kAlive);
  EXPECT_TRUE(alarms.standing().empty());
}

TEST_F(PeerMonitorTest, OneMissOfAnAlivePeerIsForgotten) {
  begin();
  answer(200);
  for (int round = 0; round < 5; ++round) {
    timers.advance(config.timers.monitor_interval + 1ms);
    monitor.on_silence(last(), "no answer");
    timers.advance(config.timers.monitor_retry_interval + 1ms);
    answer(200);
  }
  EXPECT_EQ(state(), PeerState::kAlive);
}

TEST_F(PeerMonitorTest, ServerErrorsAndFailedSendsAreMisses) {
  config.timers.monitor_failures = 3;
  begin();
  answer(503);
  EXPECT_EQ(monitor.peers().at(0).cause, "answered 503");
  refuse = Error{ErrorKind::kUnavailable, "no route to host"};
  timers.advance(config.timers.monitor_retry_interval + 1ms);
  timers.advance(config.timers.monitor_retry_interval + 1ms);
  EXPECT_EQ(state(), PeerState::kFailed);
  EXPECT_EQ(monitor.peers().at(0).cause, "no route to host");
}

TEST_F(PeerMonitorTest, TransactionsOfOthersAreNotTaken) {
  begin();
  EXPECT_FALSE(monitor.on_answer(sip::ClientId{77}, sip::Message::response(sent[0], 200)));
  EXPECT_FALSE(monitor.on_silence(sip::ClientId{77}, "x"));
}

TEST_F(PeerMonitorTest, StopLeavesNoTimer) {
  begin();
  answer(200);
  monitor.stop();
  EXPECT_EQ(timers.pending(), 0U);
}

}  // namespace
}  // namespace isthmus::app
