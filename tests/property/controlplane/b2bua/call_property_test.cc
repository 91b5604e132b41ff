// Whatever happens in whatever order: no crash, one final response for each request, ports opened are closed, and every
// call ends.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : bench_(seed), random_(seed * 2 + 1) {
    if (pick(2) == 0) bench_.add_attempt("c");
    if (pick(3) == 0) bench_.configuration.zones[0].media_encryption = config::MediaEncryption::kAuto;
  }

  void run(int steps) {
    Request invite = bench_.request(Side::kA, Method::kInvite);
    invite.supports_100rel = pick(2) == 0;
    invite.requires_100rel = pick(6) == 0;
    invite.supports_timer = pick(2) == 0;
    if (pick(4) != 0) invite.session.expires_s = 30 + pick(4000);
    if (pick(6) != 0) invite.body = Body{"application/sdp", description(Side::kA)};
    bench_.begin_with(std::move(invite));
    for (int i = 0; i < steps && bench_.call.state != State::kEnded; ++i) step();
    finish();
  }

  CallBench& bench() { return bench_; }

 private:
  std::uint32_t pick(std::uint32_t bound) { return random_.below(bound); }
  Side side() { return pick(2) == 0 ? Side::kA : Side::kB; }

  std::string description(Side from) {
    const std::string address = from == Side::kA ? "198.51.100.1" : "203.0.113.1";
    const int port = 4000 + static_cast<int>(pick(20)) * 2;
    const int version = static_cast<int>(++version_);
    switch (pick(8)) {
      case 0: return video_sdp(address, port, version);
      case 1: return audio_sdp(address, port, "sendonly", version);
      case 2: return audio_sdp(address, port, "inactive", version);
      case 3: return audio_sdp(address, 0, "sendrecv", version);
      case 4: return "v=0\r\nrubbish";
      default: return audio_sdp(address, port, "sendrecv", version);
    }
  }
  std::optional<std::string> maybe_description(Side from) {
    return pick(4) == 0 ? std::nullopt : std::optional(description(from));
  }

  void step() {
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        if (!bench_.relay_asked.empty()) {
          const auto kind = pick(3) == 0 ? ErrorKind::kExhausted : ErrorKind::kUnavailable;
          bench_.relay(pick(5) != 0, kind);
        }
        break;
      case 3:
        if (!bench_.closing.empty()) bench_.closed();
        break;
      case 4:
      case 5:
      case 6: respond(); break;
      case 7: request(); break;
      case 8: bench_.ack(side(), maybe_description(side())); break;
      case 9: fire(); break;
      case 10:
        if (pick(4) == 0) bench_.cancel();
        break;
      case 11: media(); break;
      case 12:
        if (pick(12) == 0) bench_.happen(EndAsked{"chaos"});
        break;
      case 13:
        if (pick(3) == 0) restart_relay();
        break;
    }
  }

  void respond() {
    if (bench_.asked_open.empty()) {
      // A late copy or a fork of something that was answered.
      if (bench_.setup_invite() == 0) return;
      auto late = CallBench::response(200, description(Side::kB), "fork-" + std::to_string(pick(3)));
      bench_.happen(ResponseArrived{Side::kB, bench_.setup_invite(), Method::kInvite, std::move(late)});
      return;
    }
    auto it = bench_.asked_open.begin();
    std::advance(it, pick(static_cast<std::uint32_t>(bench_.asked_open.size())));
    const auto [key, method] = *it;
    constexpr std::uint16_t kStatuses[] = {100, 180, 183, 183, 199, 200, 200, 200, 200, 302, 401,
                                           404, 408, 422, 481, 486, 487, 488, 491, 500, 503, 603};
    std::uint16_t status = kStatuses[pick(std::size(kStatuses))];
    Response response = CallBench::response(status, std::nullopt, "fork-" + std::to_string(pick(3)));
    if (method == Method::kInvite && status >= 180 && status < 300) {
      if (auto text = maybe_description(key.first)) response.body = Body{"application/sdp", *text};
    }
    if (status < 200 && pick(3) == 0) {
      response.requires_100rel = true;
      response.rseq = 1 + pick(3);
    }
    if (status == 422) response.session.min_se_s = pick(5000);
    if (pick(3) == 0) {
      response.session.expires_s = pick(4000);
      if (pick(2) == 0) response.session.refresher = pick(2) == 0 ? Refresher::kUac : Refresher::kUas;
    }
    if (status >= 400 && pick(6) == 0) response.local = true;
    if (pick(3) == 0) {
      response.allow = MethodSet{};
      if (pick(2) == 0) response.allow->add(Method::kUpdate);
    }
    bench_.answer(key.first, key.second, method, std::move(response));
  }

  void request() {
    constexpr Method kMethods[] = {Method::kInvite, Method::kInvite, Method::kInvite,  Method::kBye,  Method::kUpdate,
                                   Method::kUpdate, Method::kInfo,   Method::kOptions, Method::kPrack};
    const Method method = kMethods[pick(std::size(kMethods))];
    if (method == Method::kBye && pick(3) != 0) return;
    const Side from = side();
    Request r = bench_.request(from, method);
    r.supports_timer = pick(2) == 0;
    if (pick(4) == 0) r.session.expires_s = pick(4000);
    if (method == Method::kPrack) {
      r.rack = Request::Rack{pick(2) == 0 ? bench_.call.at(Side::kA).reliable.rseq : 7,
                             bench_.call.at(Side::kA).invite_cseq};
    }
    if (method == Method::kInfo && pick(2) == 0) r.body = Body{"application/dtmf", "5"};
    if (method == Method::kInvite || method == Method::kUpdate || (method == Method::kPrack && pick(4) == 0)) {
      if (auto text = maybe_description(from)) r.body = Body{"application/sdp", *text};
    }
    bench_.ask_with(from, std::move(r));
    if (method == Method::kInvite && pick(5) == 0) {
      const ServerId last = bench_.open_invites.empty() ? 0 : *bench_.open_invites.rbegin();
      bench_.happen(CancelArrived{from, last});
    }
  }

  void fire() {
    if (bench_.timers.empty()) return;
    auto it = bench_.timers.begin();
    std::advance(it, pick(static_cast<std::uint32_t>(bench_.timers.size())));
    const auto key = it->first;
    // The ends of all patience are rare.
    const bool final = key.first == Timer::kAck || key.first == Timer::kExpiry || key.first == Timer::kPrack;
    if (final && pick(6) != 0) return;
    bench_.timer(key.first, key.second);
  }

  void media() {
    const auto stream = static_cast<std::uint16_t>(pick(2));
    if (pick(2) == 0) {
      bench_.happen(MediaTimedOut{side(), stream});
    } else if (pick(2) == 0) {
      bench_.happen(MediaStarted{side(), stream});
    } else {
      bench_.happen(StatsArrived{contract::SessionStats{bench_.call.session, 1, {}}});
    }
  }

  void restart_relay() {
    // Everything asked is answered "unavailable" first (relay.h).
    while (!bench_.relay_asked.empty()) bench_.relay(false, ErrorKind::kUnavailable);
    while (!bench_.closing.empty()) bench_.closed();
    bench_.happen(RelayRestarted{});
  }

  void finish() {
    bench_.happen(EndAsked{"the test is over"});
    for (int i = 0; i < 64 && bench_.call.state != State::kEnded; ++i) {
      while (!bench_.relay_asked.empty()) bench_.relay();
      bench_.wind_up();
    }
  }

  CallBench bench_;
  SeededRandom random_;
  std::uint32_t version_ = 1;
};

TEST(CallProperties, EveryCallEndsWithoutALeak) {
  for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    chaos.run(static_cast<int>(10 + seed % 90));
    const CallBench& bench = chaos.bench();
    ASSERT_TRUE(bench.finished) << "stuck in " << to_string(bench.call.state);
    ASSERT_TRUE(bench.open_invites.empty()) << "an INVITE without final response";
    ASSERT_TRUE(bench.open_sessions.empty()) << "ports left open";
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(CallProperties, SequencesReachEveryState) {
  std::set<State> seen;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Chaos chaos(seed);
    chaos.run(60);
    seen.insert(chaos.bench().states.begin(), chaos.bench().states.end());
  }
  for (const State state : {State::kCalling, State::kProceeding, State::kAnswering, State::kAnswered, State::kUp,
                            State::kCancelling, State::kEnding, State::kEnded}) {
    EXPECT_TRUE(seen.contains(state)) << to_string(state);
  }
}

TEST(CallProperties, RecoveryFromAnyPointEndsOrCarriesOn) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CallBench bench(seed);
    bench.begin();
    if (seed % 6 > 0) bench.relay();
    if (seed % 6 > 1) bench.respond(180);
    if (seed % 6 > 2) bench.respond(200, audio_sdp("203.0.113.1", 5000));
    if (seed % 6 > 3) bench.relay();
    if (seed % 6 > 4) bench.ack();
    SeededRandom random(seed);
    Call recovered = bench.call;
    const Actions actions = resume(recovered, {bench.configuration, random, WallTime{}});
    const bool up = recovered.state == State::kUp;
    EXPECT_EQ(up, seed % 6 > 3);
    EXPECT_TRUE(up || recovered.state == State::kEnding || recovered.state == State::kEnded);
  }
}

}  // namespace
}  // namespace isthmus::b2bua
