#pragma once

// What the B2BUA did and refused, by name. One thread writes and reads.

#include <cstdint>
#include <string_view>

namespace isthmus::b2bua {

// X(member, "name in /metrics")
#define ISTHMUS_B2BUA_COUNTERS(X)                       \
  X(calls_begun, "calls_begun")                         \
  X(calls_answered, "calls_answered")                   \
  X(calls_ended, "calls_ended")                         \
  X(calls_recovered, "calls_recovered")                 \
  X(calls_lost_on_recovery, "calls_lost_on_recovery")   \
  X(refused_untrusted, "refused_untrusted")             \
  X(refused_zone, "refused_zone")                       \
  X(refused_limit, "refused_limit")                     \
  X(refused_source_limit, "refused_source_limit")       \
  X(refused_rate, "refused_rate")                       \
  X(refused_draining, "refused_draining")               \
  X(refused_loop, "refused_loop")                       \
  X(refused_screening, "refused_screening")             \
  X(refused_not_found, "refused_not_found")             \
  X(refused_method, "refused_method")                   \
  X(refused_no_dialog, "refused_no_dialog")             \
  X(refused_media_exhausted, "refused_media_exhausted") \
  X(media_timeouts, "media_timeouts")                   \
  X(key_lifetimes_low, "key_lifetimes_low")             \
  X(media_restored, "media_restored")                   \
  X(forks_ended, "forks_ended")                         \
  X(refused_transfer, "refused_transfer")               \
  X(pictures_requested, "pictures_requested")           \
  X(sessions_reclaimed, "sessions_reclaimed")           \
  X(journal_full, "journal_full")                       \
  X(journal_unreadable, "journal_unreadable")

struct Counters {
#define ISTHMUS_B2BUA_MEMBER(member, text) std::uint64_t member = 0;
  ISTHMUS_B2BUA_COUNTERS(ISTHMUS_B2BUA_MEMBER)
#undef ISTHMUS_B2BUA_MEMBER

  /// Calls `visit(name, value)` for each counter.
  template <typename Visit>
  void for_each(Visit visit) const {
#define ISTHMUS_B2BUA_VISIT(member, text) visit(std::string_view(text), member);
    ISTHMUS_B2BUA_COUNTERS(ISTHMUS_B2BUA_VISIT)
#undef ISTHMUS_B2BUA_VISIT
  }
};

}  // namespace isthmus::b2bua
