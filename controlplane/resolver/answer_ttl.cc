#include "controlplane/resolver/answer_ttl.h"

#include <algorithm>

namespace isthmus::resolver {

namespace {

//  RFC 1035 4.1.1: ID, flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT, 16 bits each
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kQuestionTail = 4;  // QTYPE, QCLASS
//  RFC 1035 4.1.3: NAME, TYPE 16, CLASS 16, TTL 32, RDLENGTH 16, RDATA
constexpr std::size_t kRecordHead = 10;
constexpr std::size_t kMaxRecords = 256;
constexpr std::size_t kMaxLabels = 128;  // a name has 255 octets

std::size_t be16(Bytes message, std::size_t at) { return std::size_t{message[at]} << 8U | message[at + 1]; }

/// Position after the name at `at`; nothing if it runs out of the message. What a pointer points to is of no interest.
std::optional<std::size_t> after_name(Bytes message, std::size_t at) {
  for (std::size_t label = 0; label < kMaxLabels && at < message.size(); ++label) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if ((length & 0xC0U) == 0xC0U) return at + 2;  // RFC 1035 4.1.4: a pointer ends it
    if ((length & 0xC0U) != 0) return std::nullopt;
    at += 1U + length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> least_ttl(Bytes message) {
  if (message.size() < kHeaderBytes) return std::nullopt;
  const std::size_t questions = be16(message, 4);
  const std::size_t answers = be16(message, 6);
  if (questions > kMaxRecords || answers == 0 || answers > kMaxRecords) return std::nullopt;
  std::size_t at = kHeaderBytes;
  for (std::size_t i = 0; i < questions; ++i) {
    const auto after = after_name(message, at);
    if (!after) return std::nullopt;
    at = *after + kQuestionTail;
  }
  std::uint32_t least = UINT32_MAX;
  for (std::size_t i = 0; i < answers; ++i) {
    const auto after = after_name(message, at);
    if (!after || *after > message.size() || message.size() - *after < kRecordHead) return std::nullopt;
    const std::size_t ttl_at = *after + 4;
    std::uint32_t ttl = static_cast<std::uint32_t>(be16(message, ttl_at) << 16U) |
                        static_cast<std::uint32_t>(be16(message, ttl_at + 2));
    if ((ttl & 0x80000000U) != 0) ttl = 0;  // RFC 2181 8
    least = std::min(least, ttl);
    at = *after + kRecordHead + be16(message, *after + 8);
  }
  if (at > message.size()) return std::nullopt;
  return std::chrono::seconds(least);
}

}  // namespace isthmus::resolver
