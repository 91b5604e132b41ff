#include "dataplane/agent/ice_messages.h"

#include <array>
#include <string>

#include "dataplane/wire/stun_integrity.h"

namespace isthmus::agent {
namespace {

using contract::IceSpec;
using contract::StunForm;
using wire::StunAttributeType;
using wire::StunType;
using wire::StunWriter;

using Buffer = std::array<std::uint8_t, wire::kMaxSignedStunBytes>;  // two fragments of 256 and the rest fit well

constexpr std::uint32_t kImplementationVersion = 2;  // [MS-ICE2] 2.2: MS-ICE2, right table of the fingerprint
constexpr std::uint32_t kPeerReflexive = 110;        // RFC 8445 5.1.2.1, 7.1.1: PRIORITY of a check

std::vector<std::uint8_t> finished(const StunWriter& writer) {
  const Bytes message = writer.message();
  return {message.begin(), message.end()};
}

/// What a peer of the leg's form expects around USERNAME and at the end.
void add_username(StunWriter& writer, const IceSpec& ice, std::string_view username) {
  if (ice.form == StunForm::kMicrosoft) {
    writer.add_text_padded(StunAttributeType::kUsername, username);
  } else {
    writer.add_text(StunAttributeType::kUsername, username);
  }
}

std::vector<std::uint8_t> sealed(StunWriter& writer, const IceSpec& ice, Bytes password) {
  const bool microsoft = ice.form == StunForm::kMicrosoft;
  if (microsoft) writer.add_u32(StunAttributeType::kMsImplementationVersion, kImplementationVersion);
  wire::sign_stun(writer, microsoft ? wire::IntegrityForm::kPadded : wire::IntegrityForm::kStrict, password);
  return finished(writer);
}

}  // namespace

std::vector<std::uint8_t> make_check_answer(const wire::StunMessage& check, const SocketAddress& source,
                                            const IceSpec& ice) {
  Buffer buffer;
  StunWriter writer(buffer, StunType::kBindingSuccess, check.header.transaction);
  writer.add_xor_mapped(source);
  // libnice's Microsoft form repeats the request's; RFC 8489 9.1.4 asks for none.
  if (ice.form == StunForm::kMicrosoft && check.username) add_username(writer, ice, *check.username);
  return sealed(writer, ice, ice.local_password.view());
}

std::vector<std::uint8_t> make_consent_request(const wire::StunTransaction& transaction, const IceSpec& ice,
                                               contract::Component component) {
  Buffer buffer;
  StunWriter writer(buffer, StunType::kBindingRequest, transaction);
  const std::uint32_t priority =
      (kPeerReflexive << 24U) | (0xffffU << 8U) | (256U - static_cast<std::uint32_t>(component));
  writer.add_u32(StunAttributeType::kPriority, priority);
  writer.add_u64(ice.controlling ? StunAttributeType::kIceControlling : StunAttributeType::kIceControlled,
                 ice.tie_breaker);
  add_username(writer, ice, ice.remote_ufrag + ":" + ice.local_ufrag);  // RFC 8445 7.2.2
  return sealed(writer, ice, ice.remote_password.view());
}

std::vector<std::uint8_t> make_keep_alive(RandomSource& random) {
  Buffer buffer;
  wire::StunTransaction transaction;
  random.fill(transaction);
  StunWriter writer(buffer, StunType::kBindingIndication, transaction);
  wire::fingerprint_stun(writer);
  return finished(writer);
}

}  // namespace isthmus::agent
