#include "controlplane/journal/record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "dataplane/base/crc32c.h"

namespace isthmus::journal {
namespace {

constexpr std::size_t kSequenceAt = 16;
constexpr std::size_t kKeyLengthAt = 24;
constexpr std::size_t kContentLengthAt = 28;
constexpr std::size_t kContentCrcAt = 32;
constexpr std::size_t kHeadCrcAt = 36;

template <typename Number>
Number load(Bytes medium, std::size_t offset) {
  Number value = 0;
  std::memcpy(&value, medium.data() + offset, sizeof value);
  return value;
}

template <typename Number>
void store(std::span<std::uint8_t> to, std::size_t offset, Number value) {
  std::memcpy(to.data() + offset, &value, sizeof value);
}

/// Of sequence, lengths and content crc; the commit word is in it through the record's length.
std::uint32_t head_crc(Bytes head_from_sequence, std::uint64_t commit_word) {
  std::array<std::uint8_t, sizeof commit_word> word{};
  std::memcpy(word.data(), &commit_word, sizeof commit_word);
  return crc32c(head_from_sequence.first(kHeadCrcAt - kSequenceAt), crc32c(word));
}

}  // namespace

Bytes octets(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::uint64_t word_at(Bytes medium, std::size_t offset) { return load<std::uint64_t>(medium, offset); }

std::optional<std::uint64_t> half_generation(Bytes medium, std::size_t offset) {
  if (word_at(medium, offset) != kHalfMagic) return std::nullopt;
  const std::uint64_t generation = word_at(medium, offset + 8);
  if (word_at(medium, offset + 16) != crc32c(medium.subspan(offset + 8, 8))) return std::nullopt;
  return generation;
}

std::vector<std::uint8_t> half_body(std::uint64_t generation) {
  std::vector<std::uint8_t> body(kHalfHeadBytes - 8);
  store(body, 0, generation);
  store(body, 8, std::uint64_t{crc32c(Bytes(body).first(8))});
  return body;
}

std::size_t record_bytes(std::size_t key_bytes, std::size_t content_bytes) {
  return (kRecordHeadBytes + key_bytes + content_bytes + 7) / 8 * 8;
}

std::uint64_t record_commit_word(std::size_t bytes) { return std::uint64_t{kRecordMagic} << 32U | bytes; }

std::array<std::uint8_t, kRecordHeadBytes - 8> record_head(std::string_view key, Bytes content,
                                                           std::uint64_t sequence) {
  // With room for the commit word, so that the offsets are those of the record.
  std::array<std::uint8_t, kRecordHeadBytes> whole{};
  store(whole, kStateAt, kLive);
  store(whole, kSequenceAt, sequence);
  store(whole, kKeyLengthAt, static_cast<std::uint32_t>(key.size()));
  store(whole, kContentLengthAt, static_cast<std::uint32_t>(content.size()));
  store(whole, kContentCrcAt, crc32c(content, crc32c(octets(key))));
  const std::uint64_t commit_word = record_commit_word(record_bytes(key.size(), content.size()));
  store(whole, kHeadCrcAt, head_crc(Bytes(whole).subspan(kSequenceAt), commit_word));
  std::array<std::uint8_t, kRecordHeadBytes - 8> head{};
  std::copy(whole.begin() + 8, whole.end(), head.begin());
  return head;
}

std::optional<RecordHead> read_head(Bytes medium, std::size_t offset, std::size_t end) {
  if (offset + kRecordHeadBytes > end) return std::nullopt;
  const std::uint64_t commit = word_at(medium, offset);
  RecordHead head;
  head.bytes = commit & 0xffffffffU;
  head.state = word_at(medium, offset + kStateAt);
  head.sequence = word_at(medium, offset + kSequenceAt);
  head.key_bytes = load<std::uint32_t>(medium, offset + kKeyLengthAt);
  head.content_bytes = load<std::uint32_t>(medium, offset + kContentLengthAt);
  if (commit >> 32U != kRecordMagic || head.key_bytes == 0 || head.key_bytes > kMaxKeyBytes ||
      head.content_bytes > kMaxContentBytes || head.bytes != record_bytes(head.key_bytes, head.content_bytes) ||
      head.bytes > end - offset) {
    return std::nullopt;
  }
  if (load<std::uint32_t>(medium, offset + kHeadCrcAt) != head_crc(medium.subspan(offset + kSequenceAt), commit)) {
    return std::nullopt;
  }
  return head;
}

std::string_view record_key(Bytes medium, std::size_t offset, const RecordHead& head) {
  return {reinterpret_cast<const char*>(medium.data()) + offset + kRecordHeadBytes, head.key_bytes};
}

Bytes record_content(Bytes medium, std::size_t offset, const RecordHead& head) {
  return medium.subspan(offset + kRecordHeadBytes + head.key_bytes, head.content_bytes);
}

bool is_intact(Bytes medium, std::size_t offset, const RecordHead& head) {
  return load<std::uint32_t>(medium, offset + kContentCrcAt) ==
         crc32c(medium.subspan(offset + kRecordHeadBytes, head.key_bytes + head.content_bytes));
}

}  // namespace isthmus::journal
