#pragma once

// A gateway for REST to look at: everything is a member that a test sets. Answers of the data plane wait until the test
// lets them go.

#include <algorithm>
#include <string>
#include <vector>

#include "controlplane/status/gateway.h"

namespace isthmus::rest {

class FakeSource final : public status::Source {
 public:
  status::Gateway state;
  std::vector<status::Alarm> standing;
  std::vector<status::Call> all_calls;  ///< ascending by id
  Result<contract::DataplaneStatus> data_plane_status = fail(ErrorKind::kUnavailable, "no data plane");
  Result<contract::SessionStats> figures = fail(ErrorKind::kUnavailable, "no data plane");
  Result<contract::StageFigures> stage_figures = fail(ErrorKind::kUnavailable, "no data plane");
  std::vector<contract::TraceSpec> traced;
  std::optional<Error> trace_error;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read_from;
  std::vector<std::uint64_t> stopped;
  Result<contract::TracePage> trace_page = fail(ErrorKind::kInvalidArgument, "not traced", "trace");
  std::vector<status::Call> ended;
  std::vector<std::string> hung_up;
  bool hold = false;  ///< answers of the data plane wait in `held`
  std::vector<std::function<void()>> held;

  status::Gateway gateway() const override { return state; }
  std::vector<status::Alarm> alarms() const override { return standing; }
  std::vector<status::Call> calls(std::string_view after, std::size_t limit) const override {
    std::vector<status::Call> page;
    for (const auto& call : all_calls) {
      if (call.id > after && page.size() < limit) page.push_back(call);
    }
    return page;
  }
  std::vector<status::Call> ended_calls() const override { return ended; }
  std::optional<status::Call> call(std::string_view id) const override {
    const auto found = std::ranges::find(all_calls, id, &status::Call::id);
    return found == all_calls.end() ? std::nullopt : std::optional(*found);
  }
  bool hang_up(std::string_view id) override {
    if (!call(id)) return false;
    hung_up.emplace_back(id);
    return true;
  }
  void data_plane(std::function<void(Result<contract::DataplaneStatus>)> done) override {
    answer([this, done] { done(data_plane_status); });
  }
  void media_figures(contract::SessionId, std::function<void(Result<contract::SessionStats>)> done) override {
    answer([this, done] { done(figures); });
  }
  void stages(std::optional<bool> measure, std::function<void(Result<contract::StageFigures>)> done) override {
    if (measure && stage_figures) stage_figures->measuring = *measure;
    answer([this, done] { done(stage_figures); });
  }
  void start_trace(const contract::TraceSpec& spec, std::function<void(Result<void>)> done) override {
    traced.push_back(spec);
    answer([this, done] { done(trace_error ? Result<void>(tl::unexpected<Error>(*trace_error)) : Result<void>()); });
  }
  void read_trace(contract::SessionId session, std::uint64_t from,
                  std::function<void(Result<contract::TracePage>)> done) override {
    read_from.emplace_back(session.value, from);
    answer([this, done] { done(trace_page); });
  }
  void stop_trace(contract::SessionId session, std::function<void(Result<void>)> done) override {
    stopped.push_back(session.value);
    answer([done] { done({}); });
  }
  Result<RouteTest> test_route(std::string_view uri, std::string_view from) const override {
    if (uri == "bad") return fail(ErrorKind::kMalformedInput, "no host can be seen");
    return RouteTest{std::string(uri), {{"rooms", "sip:" + std::string(uri), "rule 1"}}, {"from " + std::string(from)}};
  }

 private:
  void answer(std::function<void()> work) {
    if (hold) {
      held.push_back(std::move(work));
    } else {
      work();
    }
  }
};

/// A call as it stands while up: audio in SRTP on leg A, clear on leg B.
inline status::Call make_call(std::string id) {
  status::Call call;
  call.id = std::move(id);
  call.state = "up";
  call.leg[0] = {"office", "sip:alice@example.com", "Alice <b>", "abc@10.1.0.2", "tcp 10.1.0.2:5060", "Phone/1"};
  call.leg[1] = {"rooms", "sip:3001@example.com", "", "def@10.2.0.1", "udp 10.2.0.2:5060", ""};
  call.began = status::WallTime(std::chrono::seconds(1000));
  call.answered = status::WallTime(std::chrono::milliseconds(1'002'500));
  call.session = {7};
  status::CallStream audio;
  audio.active = true;
  audio.leg[0] = {"PCMU/8000", "AES_CM_128_HMAC_SHA1_80", "sendrecv", "10.1.0.1:56000"};
  audio.leg[1] = {"PCMU/8000", "none", "sendrecv", "10.2.0.1:56100"};
  call.streams = {audio};
  call.history = {"rule to the rooms leads to rooms"};
  return call;
}

inline contract::StageFigures make_stages() {
  return {false, 2'000'000'000, {{0, {{"classify", 1000, 20, 4}, {"adapt", 0, 0, 0}}}}};
}

/// One packet that went out and one that did not.
inline contract::TracePage make_trace() {
  contract::TraceRecord forwarded;
  forwarded.unix_ns = 1'764'000'123'456'789'000;
  forwarded.rule = contract::TraceRule::kExpectedSource;
  forwarded.opened = contract::CryptoOutcome::kOk;
  forwarded.closed = contract::CryptoOutcome::kClear;
  forwarded.stage = 1;
  forwarded.source = SocketAddress{IpAddress::v4(10, 1, 0, 2), 4000};
  forwarded.bytes_in = 182, forwarded.bytes_out = 172;
  forwarded.sequence_in = 4711, forwarded.sequence_out = 12;
  forwarded.ssrc_in = 7, forwarded.ssrc_out = 8;
  forwarded.held_ns = 1'500;
  forwarded.stage_ns = {1'000, 500};
  contract::TraceRecord dropped = forwarded;
  dropped.side = contract::Side::kB;
  dropped.fate = contract::TraceFate::kDropped;
  dropped.drop_reason = "srtp_auth_failed";
  dropped.opened = contract::CryptoOutcome::kFailed;
  dropped.closed = contract::CryptoOutcome::kNotReached;
  dropped.stage = 0;
  dropped.bytes_out = 0;
  dropped.sequence_out = 0, dropped.ssrc_out = 0;
  dropped.held_ns = 0;
  dropped.stage_ns = {2'100};
  return {{7}, 0, 3, contract::TraceEnd::kPackets, 0, {"unprotect", "write_headers"}, 0, {forwarded, dropped}, 2};
}

inline contract::SessionStats make_figures() {
  contract::StreamStats audio;
  audio.leg[0].packets_received = 500;
  audio.leg[0].bytes_received = 80'000;
  audio.leg[0].packets_lost = 1;
  audio.leg[0].jitter_ms = 0.5;
  audio.leg[0].payload_type = 0;
  audio.leg[0].remote_rtp = SocketAddress{IpAddress::v4(10, 1, 0, 2), 4000};
  audio.leg[0].encrypted = true;
  audio.leg[0].drops = 3;
  audio.leg[1].round_trip_ms = 12.5;
  return {{7}, 2, {audio}};
}

}  // namespace isthmus::rest
