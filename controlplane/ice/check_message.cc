#include "controlplane/ice/check_message.h"

#include <array>

namespace isthmus::ice {
namespace {

using wire::IntegrityForm;
using wire::StunAttributeType;
using wire::StunType;

constexpr std::uint32_t kMsIce2Version = 2;     // MS-IMPLEMENTATION-VERSION
constexpr std::size_t kMaxMessageBytes = 1280;  // two texts of 256 octets and some tens for the rest

using Buffer = std::array<std::uint8_t, kMaxMessageBytes>;

std::vector<std::uint8_t> signed_bytes(wire::StunWriter& writer, IntegrityForm form, Bytes password) {
  wire::sign_stun(writer, form, password);
  const Bytes message = writer.message();
  return {message.begin(), message.end()};
}

void add_username(wire::StunWriter& writer, std::string_view username, IntegrityForm form) {
  if (form == IntegrityForm::kPadded) {
    writer.add_text_padded(StunAttributeType::kUsername, username);
  } else {
    writer.add_text(StunAttributeType::kUsername, username);
  }
}

}  // namespace

std::vector<std::uint8_t> write_request(const CheckRequest& request, IntegrityForm form, Bytes their_password) {
  Buffer buffer;
  wire::StunWriter writer(buffer, StunType::kBindingRequest, request.transaction);
  if (request.use_candidate) writer.add_flag(StunAttributeType::kUseCandidate);
  writer.add_u32(StunAttributeType::kPriority, request.priority)
      .add_u64(request.controlling ? StunAttributeType::kIceControlling : StunAttributeType::kIceControlled,
               request.tie_breaker);
  add_username(writer, request.username, form);
  if (form == IntegrityForm::kPadded) {
    writer.add_text_padded(StunAttributeType::kCandidateIdentifier, request.foundation)
        .add_u32(StunAttributeType::kMsImplementationVersion, kMsIce2Version);
  }
  return signed_bytes(writer, form, their_password);
}

std::vector<std::uint8_t> write_success(const wire::StunTransaction& transaction, const SocketAddress& mapped,
                                        std::string_view username, IntegrityForm form, Bytes our_password) {
  Buffer buffer;
  wire::StunWriter writer(buffer, StunType::kBindingSuccess, transaction);
  writer.add_xor_mapped(mapped);
  if (form == IntegrityForm::kPadded) {
    add_username(writer, username, form);
    writer.add_u32(StunAttributeType::kMsImplementationVersion, kMsIce2Version);
  }
  return signed_bytes(writer, form, our_password);
}

std::vector<std::uint8_t> write_error(const wire::StunMessage& request, std::uint16_t code, std::string_view reason,
                                      IntegrityForm form, Bytes our_password) {
  Buffer buffer;
  wire::StunWriter writer(buffer, StunType::kBindingError, request.header.transaction);
  writer.add_error(code, reason);
  if (request.unknown_count > 0) {
    // Two octets each; an even number of them needs no padding in either form (RFC 8489 14.9).
    std::array<std::uint8_t, 2 * (wire::kMaxUnknownStunAttributes + 1)> types{};
    std::size_t count = 0;
    for (; count < request.unknown_count; ++count) store_be16(&types[2 * count], request.unknown[count]);
    if (count % 2 == 1) {
      store_be16(&types[2 * count], request.unknown[count - 1]);  // RFC 3489 11.2.10: repeated to fill
      ++count;
    }
    writer.add(StunAttributeType::kUnknownAttributes, Bytes(types).first(2 * count));
  }
  if (form == IntegrityForm::kPadded) writer.add_u32(StunAttributeType::kMsImplementationVersion, kMsIce2Version);
  return signed_bytes(writer, form, our_password);
}

}  // namespace isthmus::ice
