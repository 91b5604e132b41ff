#include "controlplane/journal/journal.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "controlplane/journal/record.h"

namespace isthmus::journal {
namespace {

/// Dead records may take as much as the live ones and this much before a compaction: copying costs at most as much as
/// the puts that made it necessary, and an idle journal stays small.
constexpr std::size_t kGarbageBytes = std::size_t{256} * 1024;

}  // namespace

Journal::Journal(Medium& medium) : medium_(&medium), half_bytes_(medium.view().size() / 2 / 4096 * 4096) {}

std::size_t Journal::capacity_bytes() const { return half_bytes_ / 4 * 3; }

Result<Journal> Journal::open(Medium& medium) {
  if (medium.view().size() < kMinMediumBytes) {
    return fail(ErrorKind::kInvalidArgument, "the medium is smaller than 64 KiB", "journal");
  }
  Journal journal(medium);
  if (const Status status = journal.recover(); !status) return forward_error(status);
  return journal;
}

Result<Journal> Journal::format(Medium& medium) {
  medium.wipe(0, medium.view().size());
  return open(medium);
}

/// The commit word comes last; what it replaces as the newest half stays valid until then.
void Journal::start_half(std::size_t half, std::uint64_t generation) {
  medium_->write(half_start(half) + 8, half_body(generation));
  medium_->write_word(half_start(half), kHalfMagic);
  generation_ = generation;
  active_ = half;
}

Status Journal::recover() {
  const Bytes medium = medium_->view();
  const std::optional<std::uint64_t> first = half_generation(medium, half_start(0));
  const std::optional<std::uint64_t> second = half_generation(medium, half_start(1));
  if (!first && !second) {
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
      if (word_at(medium, half_start(half)) != 0) {
        return fail(ErrorKind::kMalformedInput, "the medium holds something that is no journal", "journal",
                    half_start(half));
      }
    }
    medium_->wipe(0, half_bytes_ * 2);  // a first start that was killed before its commit word
    start_half(0, 1);
    tail_ = half_start(0) + kHalfHeadBytes;
    return {};
  }
  active_ = first.value_or(0) > second.value_or(0) ? 0 : 1;  // generations begin at 1
  generation_ = std::max(first.value_or(0), second.value_or(0));
  // The other half is the old one, not wiped to its end yet, or a new one that was never committed.
  const std::size_t other = half_start(1 - active_);
  medium_->write_word(other, 0);
  medium_->wipe(other, half_bytes_);
  scan();
  // A record that was being written when the process ended left octets behind the tail that could pass for a record
  // once the tail reaches them.
  medium_->wipe(tail_, std::min(kMaxRecordBytes, half_end() - tail_));
  return {};
}

void Journal::scan() {
  const Bytes medium = medium_->view();
  tail_ = half_start(active_) + kHalfHeadBytes;
  while (tail_ + kRecordHeadBytes <= half_end() && word_at(medium, tail_) != 0) {
    const std::optional<RecordHead> head = read_head(medium, tail_, half_end());
    if (!head || head->sequence < next_sequence_) {
      // No kill does this. What stands behind cannot be found by guessing: contents may look like records.
      ++counters_.damaged;
      medium_->wipe(tail_, half_end() - tail_);
      return;
    }
    next_sequence_ = head->sequence + 1;
    adopt(tail_, *head);
    tail_ += head->bytes;
  }
}

void Journal::adopt(std::size_t offset, const RecordHead& head) {
  const Bytes medium = medium_->view();
  const Place place{offset, head.bytes, head.sequence};
  if (head.state != kLive) return retire(place);  // its wipe may not have been finished
  if (!is_intact(medium, offset, head)) {
    ++counters_.damaged;
    return retire(place);
  }
  const auto [found, added] = index_.try_emplace(std::string(record_key(medium, offset, head)), place);
  if (!added) {  // killed between the new record and the end of the old one
    live_bytes_ -= found->second.bytes;
    retire(found->second);
    found->second = place;
  } else {
    ++counters_.recovered;
  }
  live_bytes_ += head.bytes;
}

void Journal::retire(const Place& place) {
  medium_->write_word(place.offset + kStateAt, kDead);
  medium_->wipe(place.offset + kRecordHeadBytes, place.bytes - kRecordHeadBytes);
}

Journal::Place Journal::append(std::string_view key, Bytes content, std::uint64_t sequence, std::size_t at) {
  const std::size_t bytes = record_bytes(key.size(), content.size());
  // Straight into the medium: a copy made whole before would hold keys too. The padding is zero as all behind the tail.
  medium_->write(at + 8, record_head(key, content, sequence));
  medium_->write(at + kRecordHeadBytes, octets(key));
  medium_->write(at + kRecordHeadBytes + key.size(), content);
  medium_->write_word(at, record_commit_word(bytes));
  return {at, bytes, sequence};
}

Status Journal::put(std::string_view key, Bytes content) {
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return fail(ErrorKind::kInvalidArgument, "is not 1 to 64 octets long", "key");
  }
  if (content.size() > kMaxContentBytes) {
    return fail(ErrorKind::kInvalidArgument, "is longer than 64 KiB", "content");
  }
  const std::size_t bytes = record_bytes(key.size(), content.size());
  const auto full = [this] {
    ++counters_.refused_full;
    return fail(ErrorKind::kExhausted, "holds as many calls as its memory takes", "journal");
  };
  auto found = index_.find(std::string(key));
  std::size_t replaced = 0;
  if (found != index_.end()) {
    const Bytes medium = medium_->view();
    const std::optional<RecordHead> head = read_head(medium, found->second.offset, half_end());
    if (head && std::ranges::equal(record_content(medium, found->second.offset, *head), content)) return {};
    replaced = found->second.bytes;
  }
  if (live_bytes_ - replaced + bytes > capacity_bytes()) return full();
  if (tail_ + bytes > half_end()) {
    compact();
    if (tail_ + bytes > half_end()) return full();
    found = index_.find(std::string(key));
  }

  const Place place = append(key, content, next_sequence_, tail_);
  ++next_sequence_;
  tail_ += place.bytes;
  live_bytes_ += place.bytes;
  ++counters_.puts;
  if (found == index_.end()) {
    index_.emplace(key, place);
  } else {
    live_bytes_ -= found->second.bytes;
    retire(found->second);
    found->second = place;
  }
  const std::size_t used = tail_ - half_start(active_) - kHalfHeadBytes;
  if (used - live_bytes_ > live_bytes_ + kGarbageBytes) compact();
  return {};
}

void Journal::erase(std::string_view key) {
  const auto found = index_.find(std::string(key));
  if (found == index_.end()) return;
  retire(found->second);
  live_bytes_ -= found->second.bytes;
  index_.erase(found);
  ++counters_.erases;
}

/// Live records go to the other half in the order of their age; its commit word makes it the newest. The old half is
/// wiped afterwards.
void Journal::compact() {
  const std::size_t old = active_;
  const std::size_t old_tail = tail_;
  const std::size_t next = 1 - active_;
  std::size_t at = half_start(next) + kHalfHeadBytes;
  for (const auto& [key, place] : by_age()) {
    const Bytes record = medium_->view().subspan(place.offset, place.bytes);
    medium_->write(at + 8, record.subspan(8));
    medium_->write_word(at, word_at(record, 0));
    index_.find(std::string(key))->second.offset = at;
    at += place.bytes;
  }
  start_half(next, generation_ + 1);
  tail_ = at;
  medium_->write_word(half_start(old), 0);
  medium_->wipe(half_start(old), old_tail - half_start(old));
  ++counters_.compactions;
}

std::vector<std::pair<std::string_view, Journal::Place>> Journal::by_age() const {
  std::vector<std::pair<std::string_view, Place>> records(index_.begin(), index_.end());
  std::ranges::sort(records, {}, [](const auto& each) { return each.second.sequence; });
  return records;
}

void Journal::for_each(const std::function<void(std::string_view key, Bytes content)>& visit) const {
  for (const auto& [key, place] : by_age()) {
    const Bytes medium = medium_->view();
    const std::optional<RecordHead> head = read_head(medium, place.offset, half_end());
    assert(head);
    visit(key, record_content(medium, place.offset, *head));
  }
}

bool Journal::contains(std::string_view key) const { return index_.contains(std::string(key)); }

}  // namespace isthmus::journal
