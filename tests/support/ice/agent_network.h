#pragma once

// Agents on a network that a test commands: delay, loss, copies, dead paths; the clock is the test's.

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controlplane/ice/agent.h"

namespace isthmus::ice {

inline sdp::Candidate host(std::uint16_t component, std::string_view address, std::uint32_t local_preference = 65535) {
  sdp::Candidate candidate;
  candidate.foundation = "1";
  candidate.component = component;
  candidate.priority = (126U << 24U) + (local_preference << 8U) + (256U - component);
  candidate.address = SocketAddress::parse(address).value();
  return candidate;
}

inline Credentials credentials(std::string ufrag, std::string_view password) {
  return {std::move(ufrag),
          SecretBytes(std::span(reinterpret_cast<const std::uint8_t*>(password.data()), password.size()))};
}

/// Two agents, "a" and "b", and what lies between them.
class AgentNetwork {
 public:
  struct Party {
    std::vector<sdp::Candidate> candidates;
    Credentials credentials;
    Agent agent;
  };
  struct Packet {
    TimePoint at;
    std::uint64_t order;
    std::size_t to;
    StreamIndex stream;
    Component component;
    SocketAddress source;
    SocketAddress destination;
    std::vector<std::uint8_t> bytes;
  };
  /// What happens to one packet; the default delivers it once.
  struct Fate {
    unsigned copies = 1;
    Duration delay = std::chrono::milliseconds(1);
  };

  explicit AgentNetwork(AgentSettings a = {.controlling = true, .tie_breaker = 2},
                        AgentSettings b = {.controlling = false, .tie_breaker = 1}, std::uint64_t seed = 1)
      : random_a_(seed), random_b_(seed + 1000) {
    party_.push_back(Party{{host(1, "10.0.0.1:5000"), host(2, "10.0.0.1:5001")},
                           credentials("aaaa", "password-of-a-0123456789"),
                           Agent(std::move(a), random_a_)});
    party_.push_back(Party{{host(1, "10.0.0.2:6000"), host(2, "10.0.0.2:6001")},
                           credentials("bbbb", "password-of-b-0123456789"),
                           Agent(std::move(b), random_b_)});
  }

  Party& a() { return party_[0]; }
  Party& b() { return party_[1]; }
  TimePoint now() const { return now_; }
  Duration elapsed() const { return now_ - kStart; }
  void set_fate(std::function<Fate(const Packet&)> fate) { fate_ = std::move(fate); }

  void add_streams(StreamIndex count = 1) {
    for (StreamIndex stream = 0; stream < count; ++stream) {
      for (Party& party : party_) party.agent.add_stream(stream, {party.credentials, party.candidates});
    }
    streams_ = count;
  }
  /// `to` hears of the other's description and begins.
  void describe(std::size_t to) {
    const Party& other = party_[1 - to];
    for (StreamIndex stream = 0; stream < streams_; ++stream) {
      party_[to].agent.set_remote(stream, other.credentials, other.candidates, now_);
    }
    party_[to].agent.start(now_);
    collect(to);
  }
  void begin(StreamIndex streams = 1) {
    add_streams(streams);
    describe(0);
    describe(1);
  }

  /// Lets `span` pass. False when an agent wanted its timer more often than the pace can explain.
  bool run_for(Duration span) {
    const TimePoint end = now_ + span;
    for (std::size_t steps = 0; steps < kMaxSteps; ++steps) {
      TimePoint next = end;
      for (const Packet& packet : wire_) next = std::min(next, packet.at);
      for (const Party& party : party_) {
        if (const auto timer = party.agent.next_timer()) next = std::min(next, *timer);
      }
      now_ = std::max(now_, next);
      if (deliver()) continue;
      bool fired = false;
      for (std::size_t i = 0; i < party_.size(); ++i) {
        const auto timer = party_[i].agent.next_timer();
        if (!timer || *timer > now_) continue;
        fired = true;
        party_[i].agent.on_timer(now_);
        collect(i);
      }
      if (!fired && now_ >= end) return true;
    }
    return false;
  }

  void inject(std::size_t to, StreamIndex stream, Component component, const SocketAddress& source, Bytes bytes) {
    party_[to].agent.on_packet(stream, component, source, bytes, now_);
    collect(to);
  }

  Phase phase(std::size_t of, StreamIndex stream = 0) const { return party_[of].agent.status(stream).phase; }
  bool both(Phase wanted, StreamIndex stream = 0) const {
    return phase(0, stream) == wanted && phase(1, stream) == wanted;
  }

  /// Everything that was sent, in order.
  const std::vector<Packet>& sent() const { return sent_; }

 private:
  static constexpr TimePoint kStart = TimePoint{} + std::chrono::hours(1);
  static constexpr std::size_t kMaxSteps = 100'000;

  bool deliver() {
    const auto due = std::ranges::min_element(
        wire_, [](const Packet& x, const Packet& y) { return std::tie(x.at, x.order) < std::tie(y.at, y.order); });
    if (due == wire_.end() || due->at > now_) return false;
    const Packet packet = std::move(*due);
    wire_.erase(due);
    party_[packet.to].agent.on_packet(packet.stream, packet.component, packet.source, packet.bytes, now_);
    collect(packet.to);
    return true;
  }

  void collect(std::size_t from) {
    for (Outgoing& outgoing : party_[from].agent.take_outgoing()) {
      const std::uint16_t component = outgoing.component == Component::kRtcp ? 2 : 1;
      const auto source = std::ranges::find(party_[from].candidates, component, &sdp::Candidate::component);
      Packet packet{now_,
                    ++order_,
                    1 - from,
                    outgoing.stream,
                    outgoing.component,
                    source->address,
                    outgoing.destination,
                    std::move(outgoing.packet)};
      sent_.push_back(packet);
      const auto target = std::ranges::find(party_[1 - from].candidates, packet.destination, &sdp::Candidate::address);
      if (target == party_[1 - from].candidates.end()) continue;  // nobody is there
      packet.component = target->component == 2 ? Component::kRtcp : Component::kRtp;
      const Fate fate = fate_ ? fate_(packet) : Fate{};
      packet.at = now_ + fate.delay;
      for (unsigned i = 0; i < fate.copies; ++i) wire_.push_back(packet);
    }
  }

  SeededRandom random_a_;
  SeededRandom random_b_;
  std::vector<Party> party_;
  TimePoint now_ = kStart;
  std::function<Fate(const Packet&)> fate_;
  std::vector<Packet> wire_;
  std::vector<Packet> sent_;
  std::uint64_t order_ = 0;
  StreamIndex streams_ = 1;
};

}  // namespace isthmus::ice
