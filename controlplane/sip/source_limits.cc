#include "controlplane/sip/source_limits.h"

#include <algorithm>

namespace isthmus::sip {

namespace {

/// A source can take any address of its /64.
IpAddress key_of(const IpAddress& source) {
  IpAddress key = source;
  if (key.is_v6()) std::fill(key.bytes.begin() + 8, key.bytes.end(), std::uint8_t{0});
  return key;
}

/// Sweeping is a walk over the whole table.
constexpr std::chrono::seconds kSweepInterval{1};

}  // namespace

SourceTable::SourceTable(const event_loop::Clock& clock, SourceLimits limits)
    : clock_(clock),
      limits_(limits),
      all_unknown_messages_{limits.all_unknown_messages.burst, clock.now()},
      all_unknown_new_requests_{limits.all_unknown_new_requests.burst, clock.now()},
      all_known_new_requests_{limits.all_known_new_requests.burst, clock.now()} {}

void SourceTable::set_known(const std::vector<IpAddress>& sources, const std::vector<IpPrefix>& ranges) {
  known_.clear();
  known_.insert(sources.begin(), sources.end());
  known_ranges_.clear();
  for (const IpPrefix& range : ranges) known_ranges_[range.bits].insert(range.address);
}

bool SourceTable::is_in_known_range(const IpAddress& source) const {
  return std::ranges::any_of(known_ranges_,
                             [&source](const auto& each) { return each.second.contains(masked(source, each.first)); });
}

SourceTable::Source* SourceTable::find_or_add(const IpAddress& source, bool is_vouched_for) {
  const IpAddress key = key_of(source);
  if (const auto found = sources_.find(key); found != sources_.end()) return &found->second;
  if (sources_.size() >= limits_.max_sources) forget_quiet_sources();
  // A configured peer is not shut out because strangers filled the table.
  const std::size_t room = is_known(source, is_vouched_for) ? limits_.max_sources / 2 : 0;
  if (sources_.size() >= limits_.max_sources + room) return nullptr;
  const auto now = clock_.now();
  const Rate& requests = is_known(source, is_vouched_for) ? limits_.known_new_requests : limits_.unknown_new_requests;
  Source fresh;
  fresh.messages = {limits_.unknown_messages.burst, now};
  fresh.new_requests = {requests.burst, now};
  return &sources_.emplace(key, fresh).first->second;
}

bool SourceTable::take(Bucket& bucket, const Rate& rate) {
  const auto now = clock_.now();
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  bucket.tokens = std::min(rate.burst, bucket.tokens + seconds * rate.per_second);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void SourceTable::forget_quiet_sources() {
  const auto now = clock_.now();
  if (now - swept_ < kSweepInterval) return;
  swept_ = now;
  // Whoever has been quiet long enough for full buckets is as good as new.
  const auto refill = [](const Rate& rate) { return std::chrono::duration<double>(rate.burst / rate.per_second); };
  const auto quiet = std::max(refill(limits_.unknown_messages), refill(limits_.unknown_new_requests));
  std::erase_if(sources_, [&](const auto& entry) {
    const Source& source = entry.second;
    return source.connections == 0 && now - source.messages.at > quiet && now - source.new_requests.at > quiet;
  });
}

SourceTable::Verdict SourceTable::take_message(const IpAddress& source, bool is_vouched_for) {
  if (is_known(source, is_vouched_for)) return Verdict::kTake;
  Source* const entry = find_or_add(source, false);
  if (entry == nullptr) return Verdict::kTableFull;
  // The source's own bucket first: one that floods empties that alone.
  if (!take(entry->messages, limits_.unknown_messages)) return Verdict::kOverRate;
  return take(all_unknown_messages_, limits_.all_unknown_messages) ? Verdict::kTake : Verdict::kOverAll;
}

SourceTable::Verdict SourceTable::take_new_request(const IpAddress& source, bool is_vouched_for) {
  Source* const entry = find_or_add(source, is_vouched_for);
  if (entry == nullptr) return Verdict::kTableFull;
  const bool known = is_known(source, is_vouched_for);
  if (!take(entry->new_requests, known ? limits_.known_new_requests : limits_.unknown_new_requests)) {
    return Verdict::kOverRate;
  }
  const bool fits = known ? take(all_known_new_requests_, limits_.all_known_new_requests)
                          : take(all_unknown_new_requests_, limits_.all_unknown_new_requests);
  return fits ? Verdict::kTake : Verdict::kOverAll;
}

SourceTable::Verdict SourceTable::take_connection(const IpAddress& source) {
  Source* const entry = find_or_add(source, false);
  if (entry == nullptr) return Verdict::kTableFull;
  const std::size_t limit = is_known(source) ? limits_.max_known_connections : limits_.max_connections;
  if (entry->connections >= limit) return Verdict::kOverRate;
  ++entry->connections;
  return Verdict::kTake;
}

bool SourceTable::take_handshake(const IpAddress& source) {
  Source* const entry = find_or_add(source, false);
  if (entry == nullptr || entry->handshakes >= limits_.max_handshakes) return false;
  ++entry->handshakes;
  return true;
}

void SourceTable::release_handshake(const IpAddress& source) {
  const auto found = sources_.find(key_of(source));
  if (found != sources_.end() && found->second.handshakes > 0) --found->second.handshakes;
}

void SourceTable::release_connection(const IpAddress& source) {
  const auto found = sources_.find(key_of(source));
  if (found != sources_.end() && found->second.connections > 0) --found->second.connections;
}

}  // namespace isthmus::sip
