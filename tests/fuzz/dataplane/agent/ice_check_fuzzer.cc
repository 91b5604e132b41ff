// STUN of a stranger at a leg with ICE: nothing of it is answered or handed on, since he has no password; with the
// right one (the fuzzer signs for him) whatever the rest says ends in one of the fates that are counted.
//
// Input: flags (1: signed strictly, 2: signed padded, 4: from the pair, 8: nominated, 16: Microsoft form, 32: RTCP),
// then the message, or its attributes where it is signed.

#include <cstdlib>
#include <vector>

#include "dataplane/agent/ice_keeper.h"
#include "dataplane/wire/stun_integrity.h"

namespace {

using namespace isthmus;

const SecretBytes kOurs(std::vector<std::uint8_t>(22, 'o'));
const SecretBytes kTheirs(std::vector<std::uint8_t>(22, 't'));
const SocketAddress kPeer{IpAddress::v4(192, 0, 2, 10), 4000};

contract::SessionSpec spec(std::uint8_t flags) {
  contract::SessionSpec spec;
  spec.id = {1};
  contract::LegSpec& leg = spec.streams.emplace_back().leg[0];
  leg.remote_rtp = leg.remote_rtcp = kPeer;
  contract::IceSpec& ice = leg.ice.emplace();
  ice.local_ufrag = "OURS";
  ice.remote_ufrag = "THEM";
  ice.local_password = kOurs;
  ice.remote_password = kTheirs;
  ice.nominated = (flags & 8U) != 0;
  ice.form = (flags & 16U) != 0 ? contract::StunForm::kMicrosoft : contract::StunForm::kRfc8489;
  return spec;
}

/// The attributes of `rest` behind a right USERNAME, signed.
std::vector<std::uint8_t> sealed(Bytes rest, bool padded) {
  std::vector<std::uint8_t> buffer(wire::kMaxSignedStunBytes);
  const auto type = rest.empty() || rest[0] % 4 == 0 ? wire::StunType::kBindingRequest
                    : rest[0] % 4 == 1               ? wire::StunType::kBindingSuccess
                    : rest[0] % 4 == 2               ? wire::StunType::kBindingError
                                                     : wire::StunType::kBindingIndication;
  wire::StunWriter writer(buffer, type, {});
  writer.add_text(wire::StunAttributeType::kUsername, "OURS:THEM");
  for (std::size_t at = 1; at + 3 <= rest.size();) {
    const std::size_t size = std::min<std::size_t>(rest[at + 2], rest.size() - at - 3);
    writer.add(static_cast<wire::StunAttributeType>(load_be16(&rest[at])), rest.subspan(at + 3, size));
    at += 3 + size;
  }
  wire::sign_stun(writer, padded ? wire::IntegrityForm::kPadded : wire::IntegrityForm::kStrict, kOurs.view());
  buffer.resize(writer.message().size());
  return buffer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > contract::kMaxPacketBytes) return 0;
  const std::uint8_t flags = data[0];
  const Bytes rest(data + 1, size - 1);
  const bool is_signed = (flags & 3U) != 0;
  std::uint64_t sent = 0;
  std::uint64_t published = 0;
  SeededRandom random(1);
  agent::IceKeeper keeper({random,
                           [&](const agent::IcePlace&, const SocketAddress& to, std::span<const std::uint8_t> packet) {
                             if (to != kPeer || !wire::read_stun(packet)) std::abort();
                             ++sent;
                             return Status();
                           },
                           [&](const contract::Event&) { ++published; }, [](const agent::IcePlace&) {}});
  keeper.set(spec(flags), 1);
  contract::PuntEvent event;
  event.session = {1};
  event.component = (flags & 32U) != 0 ? contract::Component::kRtcp : contract::Component::kRtp;
  event.source = (flags & 4U) != 0 ? kPeer : SocketAddress{IpAddress::v4(203, 0, 113, 9), 9};
  event.packet = is_signed ? sealed(rest, (flags & 2U) != 0) : std::vector<std::uint8_t>(rest.begin(), rest.end());
  keeper.take(event, 2);
  const agent::IceCounters& counters = keeper.counters();
  if (sent + published + counters.indications_received + keeper.refused() != 1) std::abort();
  if (!is_signed && sent + published != 0) std::abort();
  return 0;
}
