#include "dataplane/wire/stun.h"

#include <algorithm>

namespace isthmus::wire {
namespace {

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3U) & ~std::size_t{3}; }

// RFC 8489 14.1 and 14.2: family 1 and 2; the X-form is combined with cookie and transaction id.
std::optional<SocketAddress> read_address(Bytes value, const StunTransaction& transaction, bool combined) {
  if (value.size() != 8 && value.size() != 20) return std::nullopt;
  const bool v4 = value.size() == 8;
  if (value[1] != (v4 ? 1 : 2)) return std::nullopt;
  std::array<std::uint8_t, 16> mask{};
  if (combined) {
    store_be32(mask.data(), kStunMagicCookie);
    std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
  }
  SocketAddress address;
  address.port = static_cast<std::uint16_t>(load_be16(&value[2]) ^ load_be16(mask.data()));
  address.ip.family = v4 ? IpFamily::kV4 : IpFamily::kV6;
  for (std::size_t i = 0; i < value.size() - 4; ++i) {
    address.ip.bytes[i] = static_cast<std::uint8_t>(value[4 + i] ^ mask[i]);
  }
  return address;
}

std::string_view without_trailing_nuls(Bytes value) {
  while (!value.empty() && value.back() == 0) value = value.first(value.size() - 1);
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

// One attribute into `message`; false when it has a size it cannot have.
bool read_attribute(StunMessage& message, std::uint16_t type, Bytes value, std::size_t offset) {
  switch (static_cast<StunAttributeType>(type)) {
    case StunAttributeType::kUsername:
      if (value.size() > padded(kMaxStunUsernameBytes)) return false;
      if (!message.username) message.username = without_trailing_nuls(value);
      return true;
    case StunAttributeType::kPriority:
      if (value.size() != 4) return false;
      if (!message.priority) message.priority = load_be32(value.data());
      return true;
    case StunAttributeType::kUseCandidate: message.use_candidate = true; return true;
    case StunAttributeType::kIceControlling:
      if (value.size() != 8) return false;
      if (!message.controlling) message.controlling = load_be64(value.data());
      return true;
    case StunAttributeType::kIceControlled:
      if (value.size() != 8) return false;
      if (!message.controlled) message.controlled = load_be64(value.data());
      return true;
    case StunAttributeType::kXorMappedAddress:
      message.mapped = read_address(value, message.header.transaction, true);
      return message.mapped.has_value();
    case StunAttributeType::kMappedAddress:
      if (!message.mapped) message.mapped = read_address(value, message.header.transaction, false);
      return message.mapped.has_value();
    case StunAttributeType::kErrorCode:
      if (value.size() < 4) return false;
      message.error_code = static_cast<std::uint16_t>((value[2] & 7U) * 100U + value[3]);
      return true;
    case StunAttributeType::kMsImplementationVersion:
      if (value.size() != 4) return false;
      message.implementation_version = load_be32(value.data());
      return true;
    case StunAttributeType::kMessageIntegrity: message.integrity_offset = offset; return value.size() == 20;
    case StunAttributeType::kUnknownAttributes:
    case StunAttributeType::kSoftware:
    case StunAttributeType::kFingerprint:
    case StunAttributeType::kCandidateIdentifier: return true;
  }
  // RFC 8489 14: 0x0000-0x7FFF have to be understood.
  if (type < 0x8000U && message.unknown_count < message.unknown.size()) message.unknown[message.unknown_count++] = type;
  return true;
}

}  // namespace

std::optional<StunHeader> parse_stun(Bytes message) {
  if (message.size() < kStunHeaderBytes || (message[0] & 0xc0U) != 0) return std::nullopt;
  StunHeader header;
  header.type = load_be16(message.data());
  header.length = load_be16(message.data() + 2);
  if (header.length % 4 != 0 || header.length + kStunHeaderBytes != message.size()) return std::nullopt;
  if (load_be32(message.data() + 4) != kStunMagicCookie) return std::nullopt;
  std::copy_n(message.begin() + 8, header.transaction.size(), header.transaction.begin());

  Bytes rest = message.subspan(kStunHeaderBytes);
  for (std::size_t i = 0; !rest.empty(); ++i) {
    if (i == kMaxStunAttributes || rest.size() < 4) return std::nullopt;
    // RFC 8489 14: the value is padded to four bytes, its length is not.
    const std::size_t value = padded(load_be16(rest.data() + 2));
    if (value + 4 > rest.size()) return std::nullopt;
    rest = rest.subspan(value + 4);
  }
  return header;
}

std::optional<StunMessage> read_stun(Bytes bytes) {
  const auto header = parse_stun(bytes);
  if (!header) return std::nullopt;
  StunMessage message;
  message.header = *header;
  for (std::size_t at = kStunHeaderBytes; at < bytes.size();) {  // parse_stun has counted and measured them
    const std::uint16_t type = load_be16(&bytes[at]);
    const std::size_t size = load_be16(&bytes[at + 2]);
    const std::size_t next = at + 4 + padded(size);
    if (type == static_cast<std::uint16_t>(StunAttributeType::kFingerprint)) {
      if (size != 4 || next != bytes.size()) return std::nullopt;  // RFC 8489 14.7: the last attribute
      message.fingerprint_offset = at;
    } else if (message.integrity_offset == 0 && !read_attribute(message, type, bytes.subspan(at + 4, size), at)) {
      return std::nullopt;
    }
    at = next;
  }
  return message;
}

StunWriter::StunWriter(MutableBytes buffer, StunType type, const StunTransaction& transaction) : buffer_(buffer) {
  if (buffer_.size() < kStunHeaderBytes) {
    overflowed_ = true;
    return;
  }
  store_be16(buffer_.data(), static_cast<std::uint16_t>(type));
  store_be16(buffer_.data() + 2, 0);
  store_be32(buffer_.data() + 4, kStunMagicCookie);
  std::copy(transaction.begin(), transaction.end(), buffer_.begin() + 8);
  used_ = kStunHeaderBytes;
}

MutableBytes StunWriter::reserve(StunAttributeType type, std::size_t bytes) {
  if (overflowed_ || bytes > 0xffffU || buffer_.size() - used_ < 4 + padded(bytes) ||
      used_ - kStunHeaderBytes + 4 + padded(bytes) > 0xffffU) {
    overflowed_ = true;
    return {};
  }
  std::uint8_t* at = buffer_.data() + used_;
  store_be16(at, static_cast<std::uint16_t>(type));
  store_be16(at + 2, static_cast<std::uint16_t>(bytes));
  std::fill_n(at + 4, padded(bytes), std::uint8_t{0});
  used_ += 4 + padded(bytes);
  store_be16(buffer_.data() + 2, static_cast<std::uint16_t>(used_ - kStunHeaderBytes));
  return {at + 4, bytes};
}

StunWriter& StunWriter::add(StunAttributeType type, Bytes value) {
  const MutableBytes room = reserve(type, value.size());
  if (!overflowed_) std::copy(value.begin(), value.end(), room.begin());
  return *this;
}

StunWriter& StunWriter::add_u32(StunAttributeType type, std::uint32_t value) {
  std::array<std::uint8_t, 4> bytes;
  store_be32(bytes.data(), value);
  return add(type, bytes);
}

StunWriter& StunWriter::add_u64(StunAttributeType type, std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  store_be64(bytes.data(), value);
  return add(type, bytes);
}

StunWriter& StunWriter::add_flag(StunAttributeType type) { return add(type, {}); }

StunWriter& StunWriter::add_text(StunAttributeType type, std::string_view text) {
  return add(type, Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

StunWriter& StunWriter::add_text_padded(StunAttributeType type, std::string_view text) {
  const MutableBytes room = reserve(type, padded(text.size()));
  if (!overflowed_) std::copy(text.begin(), text.end(), room.begin());
  return *this;
}

StunWriter& StunWriter::add_xor_mapped(const SocketAddress& address) {
  const std::size_t ip_bytes = address.ip.is_v4() ? 4 : 16;
  const MutableBytes room = reserve(StunAttributeType::kXorMappedAddress, 4 + ip_bytes);
  if (overflowed_) return *this;
  // The mask is what stands in the header: cookie, then transaction id (RFC 8489 14.2).
  const Bytes mask = Bytes(buffer_).subspan(4, 16);
  room[1] = address.ip.is_v4() ? 1 : 2;
  store_be16(&room[2], static_cast<std::uint16_t>(address.port ^ load_be16(mask.data())));
  for (std::size_t i = 0; i < ip_bytes; ++i) room[4 + i] = static_cast<std::uint8_t>(address.ip.bytes[i] ^ mask[i]);
  return *this;
}

StunWriter& StunWriter::add_error(std::uint16_t code, std::string_view reason) {
  const MutableBytes room = reserve(StunAttributeType::kErrorCode, 4 + padded(reason.size()));
  if (overflowed_) return *this;
  room[2] = static_cast<std::uint8_t>(code / 100);
  room[3] = static_cast<std::uint8_t>(code % 100);
  std::fill(room.begin() + 4, room.end(), std::uint8_t{' '});
  std::copy(reason.begin(), reason.end(), room.begin() + 4);
  return *this;
}

}  // namespace isthmus::wire
