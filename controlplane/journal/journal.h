#pragma once

// Calls that must outlive the control plane: one record a call, put before any message that makes or changes a dialog.
// The content is opaque here. It may hold keys: what is replaced or erased is wiped at once, and nothing reaches a
// disk.
//
// A put is there whole or not at all, whatever the byte at which the process is killed; the record it replaces goes
// only afterwards. Layout and proof: README.md.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controlplane/journal/medium.h"
#include "dataplane/base/result.h"

namespace isthmus::journal {

inline constexpr std::size_t kMaxKeyBytes = 64;
inline constexpr std::size_t kMaxContentBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMinMediumBytes = std::size_t{64} * 1024;

struct RecordHead;

struct JournalCounters {
  std::uint64_t puts = 0;
  std::uint64_t erases = 0;
  std::uint64_t compactions = 0;
  std::uint64_t recovered = 0;  ///< records found at open
  std::uint64_t damaged = 0;    ///< records at open whose check sum was wrong: left out and wiped
  std::uint64_t refused_full = 0;
};

/// One thread. `medium` outlives the journal.
class Journal {
 public:
  /// Takes up what the medium holds; a medium of zeroes is an empty journal, one that is not ours is refused with
  /// kMalformedInput (call `format` to give it up).
  static Result<Journal> open(Medium& medium);
  /// Wipes the medium and starts empty.
  static Result<Journal> format(Medium& medium);

  /// Makes or replaces the record of `key`. The same content again changes nothing and writes nothing.
  /// kExhausted (field "journal") when the live records would take more than capacity_bytes(): the older record stays.
  Status put(std::string_view key, Bytes content);
  /// An unknown key succeeds.
  void erase(std::string_view key);

  /// Every live record, oldest put first. `visit` must not change the journal; the bytes are good during the visit.
  void for_each(const std::function<void(std::string_view key, Bytes content)>& visit) const;
  bool contains(std::string_view key) const;

  std::size_t size() const { return index_.size(); }
  std::size_t live_bytes() const { return live_bytes_; }
  /// What live_bytes() may grow to.
  std::size_t capacity_bytes() const;
  const JournalCounters& counters() const { return counters_; }

 private:
  struct Place {
    std::size_t offset = 0;  ///< of the record's first byte in the medium
    std::size_t bytes = 0;   ///< header, key, content, padding
    std::uint64_t sequence = 0;
  };

  explicit Journal(Medium& medium);
  void start_half(std::size_t half, std::uint64_t generation);
  Status recover();
  void scan();
  void adopt(std::size_t offset, const RecordHead& head);
  void retire(const Place& place);
  Place append(std::string_view key, Bytes content, std::uint64_t sequence, std::size_t at);
  void compact();
  std::vector<std::pair<std::string_view, Place>> by_age() const;

  std::size_t half_start(std::size_t half) const { return half * half_bytes_; }
  std::size_t half_end() const { return half_start(active_) + half_bytes_; }

  Medium* medium_;
  std::size_t half_bytes_ = 0;
  std::size_t active_ = 0;  ///< 0 or 1
  std::size_t tail_ = 0;    ///< where the next record goes, in the medium
  std::size_t live_bytes_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::unordered_map<std::string, Place> index_;
  JournalCounters counters_;
};

}  // namespace isthmus::journal
