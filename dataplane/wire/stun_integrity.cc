#include "dataplane/wire/stun_integrity.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "dataplane/base/secret.h"

namespace isthmus::wire {
namespace {

constexpr std::size_t kIntegrityValueBytes = 20;  // HMAC-SHA1
constexpr std::size_t kIntegrityBytes = 4 + kIntegrityValueBytes;
constexpr std::size_t kFingerprintBytes = 4 + 4;
constexpr std::size_t kHmacBlockBytes = 64;            // RFC 3489 11.2.8 padded the text to it
constexpr std::uint32_t kFingerprintXor = 0x5354554E;  // RFC 8489 14.7, "STUN"

using Tag = std::array<std::uint8_t, kIntegrityValueBytes>;

// The HMAC over what precedes MESSAGE-INTEGRITY; `final_length` is the length field of the finished message. Empty when
// it is too long or libcrypto refuses SHA-1.
std::optional<Tag> integrity(Bytes before, std::uint16_t final_length, IntegrityForm form, Bytes password) {
  if (before.size() < kStunHeaderBytes || before.size() + kIntegrityBytes > kMaxSignedStunBytes) return std::nullopt;
  std::array<std::uint8_t, kMaxSignedStunBytes + kHmacBlockBytes> text;
  std::copy(before.begin(), before.end(), text.begin());
  std::size_t size = before.size();
  if (form == IntegrityForm::kPadded) {
    const std::size_t padded = (size + kHmacBlockBytes - 1) / kHmacBlockBytes * kHmacBlockBytes;
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(size), text.begin() + static_cast<std::ptrdiff_t>(padded),
              std::uint8_t{0});
    size = padded;
    store_be16(&text[2], final_length);
  } else {
    store_be16(&text[2], static_cast<std::uint16_t>(before.size() - kStunHeaderBytes + kIntegrityBytes));
  }
  Tag tag;
  unsigned int tag_bytes = 0;
  if (::HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()), text.data(), size, tag.data(),
             &tag_bytes) == nullptr ||
      tag_bytes != tag.size()) {
    return std::nullopt;
  }
  return tag;
}

// CRC-32 of ITU-T V.42, bit by bit reversed, as a table of bytes; entry 90 as old Microsoft stacks have it.
constexpr std::array<std::uint32_t, 256> faulty_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  table[90] = 0x08BBE8EA;  // rightly 0x8BBEB8EA
  return table;
}

std::uint32_t faulty_crc(Bytes bytes) {
  static constexpr auto kTable = faulty_table();
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xffU] ^ (crc >> 8U);
  return ~crc;
}

std::uint32_t right_crc(Bytes bytes) { return ::crc32_gzip_refl(0, bytes.data(), bytes.size()); }

}  // namespace

void fingerprint_stun(StunWriter& writer) {
  // The CRC covers a length field that counts FINGERPRINT already (RFC 8489 14.7).
  const MutableBytes value = writer.reserve(StunAttributeType::kFingerprint, 4);
  const Bytes message = writer.message();
  if (message.empty()) return;
  store_be32(value.data(), right_crc(message.first(message.size() - kFingerprintBytes)) ^ kFingerprintXor);
}

void sign_stun(StunWriter& writer, IntegrityForm form, Bytes password) {
  const std::size_t before = writer.message().size();
  const MutableBytes value = writer.reserve(StunAttributeType::kMessageIntegrity, kIntegrityValueBytes);
  if (writer.overflowed()) return;
  const auto final_length = static_cast<std::uint16_t>(writer.message().size() + kFingerprintBytes - kStunHeaderBytes);
  const auto tag = integrity(writer.message().first(before), final_length, form, password);
  if (!tag) {
    writer.fail();
    return;
  }
  std::copy(tag->begin(), tag->end(), value.begin());
  fingerprint_stun(writer);
}

std::optional<IntegrityForm> verify_integrity(Bytes bytes, const StunMessage& message, Bytes password) {
  const std::size_t at = message.integrity_offset;
  if (at < kStunHeaderBytes || at + kIntegrityBytes > bytes.size()) return std::nullopt;
  const Bytes received = bytes.subspan(at + 4, kIntegrityValueBytes);
  for (const IntegrityForm form : {IntegrityForm::kPadded, IntegrityForm::kStrict}) {
    const auto tag = integrity(bytes.first(at), message.header.length, form, password);
    if (tag && equal_constant_time(*tag, received)) return form;
  }
  return std::nullopt;
}

bool verify_fingerprint(Bytes bytes, const StunMessage& message) {
  const std::size_t at = message.fingerprint_offset;
  if (at < kStunHeaderBytes || at + kFingerprintBytes != bytes.size()) return false;
  const std::uint32_t received = load_be32(&bytes[at + 4]) ^ kFingerprintXor;
  if (received == right_crc(bytes.first(at))) return true;
  return !message.implementation_version && received == faulty_crc(bytes.first(at));
}

}  // namespace isthmus::wire
