// Whatever comes to an agent's ports, signed or not: it ends, keeps its bounds and its timers go forward. Each record
// of the input is one packet: source, kind, time since the last one, length, body.

#include <cstdlib>

#include "controlplane/ice/agent.h"

namespace {

using namespace isthmus;
using namespace isthmus::ice;

void require(bool law) {
  if (!law) std::abort();
}

sdp::Candidate candidate(std::uint16_t component, std::uint8_t last_octet) {
  sdp::Candidate made;
  made.foundation = "1";
  made.component = component;
  made.priority = (126U << 24U) + 256U - component;
  made.address = {IpAddress::v4(10, 0, 0, last_octet), static_cast<std::uint16_t>(5000 + component)};
  return made;
}

Credentials credentials(const char* ufrag) {
  return {ufrag, SecretBytes(std::span(reinterpret_cast<const std::uint8_t*>("0123456789012345678901"), 22))};
}

// A body that begins with a type gets our user name and a good signature, so that the fuzzer is past the door.
std::vector<std::uint8_t> sign(Bytes body, bool padded) {
  std::vector<std::uint8_t> room(1500);
  wire::StunTransaction transaction{};
  const std::uint8_t kind = body.empty() ? 0 : body[0] % 3;
  const wire::StunType types[] = {wire::StunType::kBindingRequest, wire::StunType::kBindingSuccess,
                                  wire::StunType::kBindingError};
  if (body.size() > 1) transaction[0] = body[1];
  wire::StunWriter writer(room, types[kind], transaction);
  writer.add_text(wire::StunAttributeType::kUsername, "ours:them");
  for (std::size_t at = 2; at + 9 < body.size() && at < 60; at += 10) {
    const auto type = static_cast<wire::StunAttributeType>(load_be16(&body[at]));
    writer.add(type, body.subspan(at + 2, 8 - (body[at] & 4U)));
  }
  wire::sign_stun(writer, padded ? wire::IntegrityForm::kPadded : wire::IntegrityForm::kStrict,
                  credentials("x").password.view());
  return {writer.message().begin(), writer.message().end()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  SeededRandom random(1);
  Agent agent({.controlling = (data[0] & 1U) != 0, .tie_breaker = 5}, random);
  agent.add_stream(0, {credentials("ours"), {candidate(1, 1), candidate(2, 1)}});
  TimePoint now{std::chrono::hours(1)};
  const auto describe = [&] {
    agent.set_remote(0, credentials("them"), {candidate(1, 2), candidate(2, 2)}, now);
    agent.start(now);
  };
  if ((data[0] & 2U) != 0) describe();
  Bytes rest(data + 1, size - 1);
  std::size_t packets = 0;
  while (rest.size() >= 4 && ++packets < 200) {
    const std::uint8_t* record = rest.data();
    const std::size_t length = std::min<std::size_t>(record[3], rest.size() - 4);
    const Bytes body = rest.subspan(4, length);
    const SocketAddress source{IpAddress::v4(10, 0, 0, record[0]), static_cast<std::uint16_t>(5001 + record[0] % 2)};
    now += std::chrono::milliseconds(record[2]);
    const auto component = (record[1] & 1U) != 0 ? Component::kRtcp : Component::kRtp;
    if ((record[1] & 2U) != 0) {
      agent.on_packet(0, component, source, sign(body, (record[1] & 4U) != 0), now);
    } else {
      agent.on_packet(0, component, source, body, now);
    }
    if ((record[1] & 8U) != 0) describe();
    if ((record[1] & 16U) != 0) agent.on_timer(now);
    require(agent.status(0).pairs <= kMaxPairs);
    require(agent.take_outgoing().size() <= 2 + 2 * kMaxEarlyChecks);
    rest = rest.subspan(4 + length);
  }
  // It comes to rest whatever it heard.
  describe();
  std::size_t steps = 0;
  while (const auto timer = agent.next_timer()) {
    require(++steps < 20'000);
    now = std::max(now, *timer);
    agent.on_timer(now);
  }
  const Phase phase = agent.status(0).phase;
  require(phase == Phase::kNominated || phase == Phase::kFailed);
  return 0;
}
