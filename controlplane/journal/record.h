#pragma once

// Private to this folder: how a half of the medium and a record in it look. Integers in the machine's order: the memory
// never leaves it.
//
//   half:    | commit word | generation | check | record | record | ... | zeroes |
//   record:  | commit word | state | sequence | key length, content length | content crc, head crc | key, content,
//   padding |
//            0             8       16         24                            32                      40
//
// A commit word is the last store of what it commits; zero says that nothing begins here. `state` is stored on its own,
// later, and is part of no check sum.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "controlplane/journal/journal.h"
#include "dataplane/base/bytes.h"

namespace isthmus::journal {

inline constexpr std::uint64_t kHalfMagic = 0x314c4e4a48545349;  // "ISTHJNL1"
inline constexpr std::size_t kHalfHeadBytes = 24;
inline constexpr std::uint32_t kRecordMagic = 0x4c4c4143;  // "CALL"
inline constexpr std::size_t kRecordHeadBytes = 40;
inline constexpr std::size_t kStateAt = 8;
inline constexpr std::uint64_t kLive = 0;
inline constexpr std::uint64_t kDead = 1;
inline constexpr std::size_t kMaxRecordBytes = kRecordHeadBytes + kMaxKeyBytes + kMaxContentBytes;

Bytes octets(std::string_view text);
std::uint64_t word_at(Bytes medium, std::size_t offset);

/// The generation of the half that starts at `offset`; none where there is no committed half.
std::optional<std::uint64_t> half_generation(Bytes medium, std::size_t offset);
/// Generation and check, to be stored behind the commit word.
std::vector<std::uint8_t> half_body(std::uint64_t generation);

struct RecordHead {
  std::size_t bytes = 0;  ///< all of it, a multiple of 8
  std::uint64_t state = kLive;
  std::uint64_t sequence = 0;
  std::size_t key_bytes = 0;
  std::size_t content_bytes = 0;
};

std::size_t record_bytes(std::size_t key_bytes, std::size_t content_bytes);
std::uint64_t record_commit_word(std::size_t bytes);
/// What stands between the commit word and the key, with state kLive.
std::array<std::uint8_t, kRecordHeadBytes - 8> record_head(std::string_view key, Bytes content, std::uint64_t sequence);

/// The head at `offset` if it is whole and the record ends before `end`.
std::optional<RecordHead> read_head(Bytes medium, std::size_t offset, std::size_t end);
std::string_view record_key(Bytes medium, std::size_t offset, const RecordHead& head);
Bytes record_content(Bytes medium, std::size_t offset, const RecordHead& head);
/// Whether key and content are those that were put.
bool is_intact(Bytes medium, std::size_t offset, const RecordHead& head);

}  // namespace isthmus::journal
