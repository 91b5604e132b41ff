#pragma once

// One call on a bench: the machine of controlplane/b2bua with a data plane that answers when it is told to, and short
// words for what SIP would bring. No transactions, no time.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/b2bua/machine.h"
#include "dataplane/base/random.h"

namespace isthmus::b2bua {

inline std::string audio_sdp(const std::string& address, int port, const std::string& direction = "sendrecv",
                             int version = 1) {
  return "v=0\r\no=- 7 " + std::to_string(version) + " IN IP4 " + address + "\r\ns=-\r\nc=IN IP4 " + address +
         "\r\nt=0 0\r\nm=audio " + std::to_string(port) +
         " RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=" +
         direction + "\r\n";
}

inline std::string video_sdp(const std::string& address, int port, int version = 1) {
  return audio_sdp(address, port, "sendrecv", version) + "m=video " + std::to_string(port + 2) +
         " RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n";
}

inline config::ControlPlane bench_configuration() {
  config::ControlPlane configuration;
  configuration.networks = {{"rooms", true, false, IpFamily::kV4}, {"desks", true, false, IpFamily::kV4}};
  for (const auto& [name, network] : {std::pair{"a", "rooms"}, {"b", "desks"}, {"c", "rooms"}}) {
    config::Zone zone;
    zone.name = name;
    zone.network = network;
    zone.media_encryption = config::MediaEncryption::kOff;
    zone.peers = {{"192.0.2.1", 5060, config::Transport::kTcp}};
    zone.delayed_offer = config::DelayedOfferPreset::kAudio;
    zone.session_interval = std::chrono::seconds(1800);
    zone.session_minimum = std::chrono::seconds(90);
    configuration.zones.push_back(zone);
  }
  return configuration;
}

class CallBench {
 public:
  explicit CallBench(std::uint64_t seed = 1) : random_(seed) {
    call.record.id = 1;
    call.dialled = {routing::Scheme::kSip, "bob@example.com", ""};
    Leg& a = call.at(Side::kA);
    a.zone = "a";
    a.dialog.call_id = "call-a";
    a.dialog.local_tag = "tag-us-a";
    a.dialog.remote_tag = "tag-a";
    a.dialog.local_name = "<sip:bob@example.com>";
    a.dialog.remote_name = "\"Ann\" <sip:ann@example.com>";
    add_attempt("b");
  }

  void add_attempt(const std::string& zone) {
    call.attempts.push_back({{zone, "bob@example.com", "rule-" + zone, ""}, "sip:bob@example.com", 0});
  }

  // ---- events ----
  CallBench& happen(Event event) {
    last.clear();
    const State before = call.state;
    for (Action& action : apply(call, std::move(event), {configuration, random_, WallTime{}})) take(std::move(action));
    if (call.state != before) states.push_back(call.state);
    return *this;
  }
  CallBench& begin(std::optional<std::string> sdp = audio_sdp("198.51.100.1", 4000)) {
    Request invite = request(Side::kA, Method::kInvite);
    if (sdp) invite.body = Body{"application/sdp", *sdp};
    return begin_with(std::move(invite));
  }
  CallBench& begin_with(Request invite) {
    invite_a = ++next_server_;
    open_invites.insert(invite_a);
    return happen(Began{invite_a, std::move(invite)});
  }
  CallBench& respond(std::uint16_t status, std::optional<std::string> sdp = std::nullopt, std::string tag = "tag-b") {
    return answer(Side::kB, setup_invite(), Method::kInvite, response(status, std::move(sdp), std::move(tag)));
  }
  CallBench& answer(Side side, ClientId id, Method method, Response response) {
    if (response.status >= 200) asked_open.erase({side, id});
    return happen(ResponseArrived{side, id, method, std::move(response)});
  }
  CallBench& no_answer(Side side, ClientId id, Method method, std::uint16_t status = 408) {
    Response r = response(status);
    r.local = true;
    return answer(side, id, method, std::move(r));
  }
  CallBench& relay(bool ok = true, ErrorKind kind = ErrorKind::kExhausted) {
    EXPECT_FALSE(relay_asked.empty()) << "the data plane was not asked";
    if (relay_asked.empty()) return *this;
    const contract::SessionSpec spec = relay_asked.front();
    relay_asked.erase(relay_asked.begin());
    RelayAnswered answered{spec.revision, fail(kind, "as the test wants")};
    if (ok) {
      answered.answer = state_of(spec);
    } else if (opening.contains(spec.revision) && opening[spec.revision] == spec.id.value) {
      // Refused: not open. Connection lost: nobody knows, so closing it and not closing it are both right.
      open_sessions.erase(spec.id.value);
      if (kind == ErrorKind::kUnavailable) maybe_open.insert(spec.id.value);
    }
    opening.erase(spec.revision);
    return happen(std::move(answered));
  }
  CallBench& closed() {
    EXPECT_FALSE(closing.empty());
    if (closing.empty()) return *this;
    const contract::SessionId session = closing.front();
    closing.erase(closing.begin());
    return happen(RelayClosed{session, contract::SessionStats{session, 1, {}}});
  }
  CallBench& ack(Side side = Side::kA, std::optional<std::string> sdp = std::nullopt) {
    Request r;
    r.method = Method::kAck;
    const auto& unacked = call.at(side).unacked;
    r.cseq = unacked ? unacked->cseq : cseq_[contract::index(side)];
    if (sdp) r.body = Body{"application/sdp", *sdp};
    return happen(AckArrived{side, std::move(r)});
  }
  CallBench& cancel() { return happen(CancelArrived{Side::kA, invite_a}); }
  ServerId ask(Side side, Method method, std::optional<std::string> sdp = std::nullopt) {
    Request r = request(side, method);
    if (sdp) r.body = Body{"application/sdp", *sdp};
    return ask_with(side, std::move(r));
  }
  ServerId ask_with(Side side, Request r) {
    const ServerId id = ++next_server_;
    if (r.method == Method::kInvite) open_invites.insert(id);
    happen(RequestArrived{side, id, std::move(r)});
    return id;
  }
  CallBench& timer(Timer kind, Side side = Side::kA) {
    timers.erase({kind, side});
    return happen(TimerFired{kind, side});
  }
  /// A call that is up, with audio.
  CallBench& up(std::string sdp_a = audio_sdp("198.51.100.1", 4000),
                std::string sdp_b = audio_sdp("203.0.113.1", 5000)) {
    begin(std::move(sdp_a)).relay().respond(180).respond(200, std::move(sdp_b)).relay().ack();
    EXPECT_EQ(call.state, State::kUp);
    return *this;
  }
  /// BYEs answered, data plane done.
  CallBench& wind_up() {
    for (int i = 0; i < 16 && call.state != State::kEnded; ++i) {
      if (!closing.empty()) closed();
      const auto open = asked_open;
      for (const auto& [key, method] : open) {
        if (asked_open.contains(key))
          answer(key.first, key.second, method, response(method == Method::kBye ? 200 : 487));
      }
      for (const Side side : {Side::kA, Side::kB}) {
        if (timers.contains({Timer::kAck, side})) timer(Timer::kAck, side);
        if (timers.contains({Timer::kCancelled, side})) timer(Timer::kCancelled, side);
      }
    }
    return *this;
  }

  // ---- what came out ----
  template <typename A>
  const A* find_last() const {
    for (auto it = last.rbegin(); it != last.rend(); ++it) {
      if (const A* action = std::get_if<A>(&*it)) return action;
    }
    return nullptr;
  }
  /// Statuses answered in the last step, "487" or "487 200".
  std::string answered() const {
    std::string text;
    for (const Action& action : last) {
      if (const auto* r = std::get_if<SendResponse>(&action)) {
        text += (text.empty() ? "" : " ") + std::to_string(r->status);
      }
    }
    return text;
  }
  /// Requests sent in the last step: "b:INVITE".
  std::string asked() const {
    std::string text;
    const auto add = [&text](Side side, std::string_view what) {
      text += (text.empty() ? "" : " ") + std::string(side == Side::kA ? "a:" : "b:") + std::string(what);
    };
    for (const Action& action : last) {
      if (const auto* r = std::get_if<SendRequest>(&action)) add(r->side, to_string(r->method));
      if (const auto* c = std::get_if<SendCancel>(&action)) add(c->side, "CANCEL");
      if (const auto* k = std::get_if<SendAck>(&action)) add(k->side, "ACK");
      if (const auto* f = std::get_if<EndFork>(&action)) add(f->side, "FORK");
    }
    return text;
  }
  std::string header(const Headers& headers, std::string_view name) const {
    for (const Header& h : headers) {
      if (h.name == name) return h.value;
    }
    return "";
  }
  bool journalled_before(std::string_view what) const {
    bool written = false;
    for (const Action& action : last) {
      if (std::holds_alternative<WriteJournal>(action)) written = true;
      const auto* r = std::get_if<SendRequest>(&action);
      if (r != nullptr && to_string(r->method) == what) return written;
      const auto* s = std::get_if<SendResponse>(&action);
      if (s != nullptr && std::to_string(s->status) == what) return written;
      if (std::holds_alternative<SendAck>(action) && what == "ACK") return written;
    }
    return false;
  }
  ClientId setup_invite() const { return call.calling.invite != 0 ? call.calling.invite : last_setup_; }
  ClientId last_asked(Side side) const { return last_asked_.at(side); }

  Request request(Side side, Method method) {
    Request r;
    r.method = method;
    r.cseq = ++cseq_[contract::index(side)];
    r.contact = side == Side::kA ? "sip:ann@198.51.100.1:5060" : "sip:bob@203.0.113.1:5060";
    return r;
  }
  static Response response(std::uint16_t status, std::optional<std::string> sdp = std::nullopt,
                           std::string tag = "tag-b") {
    Response r;
    r.status = status;
    r.to_tag = status == 100 ? "" : std::move(tag);
    r.contact = "sip:bob@203.0.113.1:5060";
    r.cseq = 1;
    if (sdp) r.body = Body{"application/sdp", *sdp};
    return r;
  }

  config::ControlPlane configuration = bench_configuration();
  Call call;
  Actions last;
  std::vector<State> states;
  std::vector<contract::SessionSpec> relay_asked;
  std::vector<contract::SessionId> closing;
  std::set<std::uint64_t> open_sessions;
  std::set<std::uint64_t> maybe_open;
  std::set<std::uint64_t> ever_opened;
  std::map<contract::Revision, std::uint64_t> opening;
  std::map<std::pair<Timer, Side>, std::chrono::milliseconds> timers;
  std::map<std::pair<Side, ClientId>, Method> asked_open;
  std::map<ServerId, int> finals;   ///< final responses by server transaction
  std::set<ServerId> open_invites;  ///< INVITEs of peers without final response
  ServerId invite_a = 0;
  bool finished = false;

 private:
  void take(Action action) {
    EXPECT_FALSE(finished) << "an action after Finish";
    if (const auto* r = std::get_if<SendRequest>(&action)) {
      asked_open[{r->side, r->transaction}] = r->method;
      last_asked_[r->side] = r->transaction;
      if (r->method == Method::kInvite && r->side == Side::kB && call.state <= State::kCalling) {
        last_setup_ = r->transaction;
      }
    } else if (const auto* s = std::get_if<SendResponse>(&action)) {
      if (s->status >= 200) {
        ++finals[s->transaction];
        EXPECT_EQ(finals[s->transaction], 1) << "two final responses for one request";
        open_invites.erase(s->transaction);
      } else {
        EXPECT_EQ(finals[s->transaction], 0) << "provisional after final";
      }
    } else if (const auto* o = std::get_if<OpenSession>(&action)) {
      relay_asked.push_back(o->spec);
      open_sessions.insert(o->spec.id.value);
      maybe_open.erase(o->spec.id.value);
      ever_opened.insert(o->spec.id.value);
      opening[o->spec.revision] = o->spec.id.value;
    } else if (const auto* u = std::get_if<UpdateSession>(&action)) {
      relay_asked.push_back(u->spec);
      EXPECT_TRUE(ever_opened.contains(u->spec.id.value)) << "update of a session that was never opened";
    } else if (const auto* c = std::get_if<CloseSession>(&action)) {
      // Closing what a failed open never made is harmless (relay.h); closing what was never asked for is not.
      EXPECT_TRUE(ever_opened.contains(c->session.value));
      open_sessions.erase(c->session.value);
      maybe_open.erase(c->session.value);
      closing.push_back(c->session);
    } else if (const auto* t = std::get_if<StartTimer>(&action)) {
      timers[{t->timer, t->side}] = t->after;
    } else if (const auto* p = std::get_if<StopTimer>(&action)) {
      timers.erase({p->timer, p->side});
    } else if (std::holds_alternative<Finish>(action)) {
      finished = true;
    }
    last.push_back(std::move(action));
  }

  static contract::SessionState state_of(const contract::SessionSpec& spec) {
    contract::SessionState state{spec.id, spec.revision, {}};
    std::uint16_t port = 56000;
    for (const contract::StreamSpec& stream : spec.streams) {
      contract::StreamState& to = state.streams.emplace_back();
      for (std::size_t i = 0; i < 2; ++i) {
        const std::uint16_t rtp = stream.leg[i].rtp_port != 0 ? stream.leg[i].rtp_port : port;
        port = static_cast<std::uint16_t>(port + 2);
        const IpAddress ip = IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(i + 1));
        to.leg[i].local_rtp = {ip, rtp};
        const bool tcp = stream.leg[i].transport == contract::LegTransport::kTcp;
        to.leg[i].local_rtcp = {ip, static_cast<std::uint16_t>(tcp ? rtp : rtp + 1)};
        to.leg[i].takes_tcp = stream.leg[i].transport == contract::LegTransport::kUdpOrTcp;
        to.leg[i].ssrc = stream.leg[i].ssrc != 0 ? stream.leg[i].ssrc : 1000U + port;
      }
    }
    return state;
  }

  SeededRandom random_;
  ServerId next_server_ = 100;
  std::array<std::uint32_t, 2> cseq_{};
  ClientId last_setup_ = 0;
  std::map<Side, ClientId> last_asked_;
};

}  // namespace isthmus::b2bua
