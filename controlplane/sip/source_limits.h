#pragma once

// How much one source address may ask of us (threat model B1).

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "dataplane/base/ip_prefix.h"

namespace isthmus::sip {

/// Messages per second, with what may come at once.
struct Rate {
  double per_second = 0;
  double burst = 0;
};

struct SourceLimits {
  std::size_t max_connections = 64;           ///< of an unknown source
  std::size_t max_known_connections = 1'024;  ///< of a configured peer
  std::size_t max_handshakes = 32;            ///< TLS, at once, of any source
  Rate unknown_messages{200, 400};            ///< all that an unknown source sends
  Rate unknown_new_requests{20, 40};          ///< of these: requests outside of dialogs
  Rate known_new_requests{5'000, 10'000};     ///< configured peers
  std::size_t max_sources = 16'384;           ///< remembered at once; half as many more of configured peers

  // All sources of a kind together. Strangers cannot use up what is for peers, and requests inside of dialogs count for
  // neither.
  Rate all_unknown_messages{5'000, 10'000};
  Rate all_unknown_new_requests{500, 1'000};
  Rate all_known_new_requests{10'000, 20'000};
};

/// An IPv6 source counts as its /64. One thread.
class SourceTable {
 public:
  SourceTable(const event_loop::Clock& clock, SourceLimits limits);

  void set_known(const std::vector<IpAddress>& sources, const std::vector<IpPrefix>& ranges = {});
  /// `is_vouched_for`: what this comes over shows a certificate of a configured peer.
  bool is_known(const IpAddress& source, bool is_vouched_for = false) const {
    return is_vouched_for || known_.contains(source) || is_in_known_range(source);
  }

  /// kOverAll: not this source, but all of its kind together.
  enum class Verdict : std::uint8_t { kTake, kOverRate, kOverAll, kTableFull };
  Verdict take_message(const IpAddress& source, bool is_vouched_for = false);
  Verdict take_new_request(const IpAddress& source, bool is_vouched_for = false);
  Verdict take_connection(const IpAddress& source);
  void release_connection(const IpAddress& source);
  /// For a connection that was taken.
  bool take_handshake(const IpAddress& source);
  void release_handshake(const IpAddress& source);
  std::size_t size() const { return sources_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    event_loop::TimePoint at{};
  };
  struct Source {
    Bucket messages;
    Bucket new_requests;
    std::size_t connections = 0;
    std::size_t handshakes = 0;  // of these connections
  };

  Source* find_or_add(const IpAddress& source, bool is_vouched_for);
  bool take(Bucket& bucket, const Rate& rate);
  void forget_quiet_sources();
  bool is_in_known_range(const IpAddress& source) const;

  const event_loop::Clock& clock_;
  SourceLimits limits_;
  std::unordered_set<IpAddress> known_;
  /// By length in use: one look-up each, however many ranges there are.
  std::map<std::uint8_t, std::unordered_set<IpAddress>> known_ranges_;
  Bucket all_unknown_messages_;
  Bucket all_unknown_new_requests_;
  Bucket all_known_new_requests_;
  std::unordered_map<IpAddress, Source> sources_;
  event_loop::TimePoint swept_{};
};

}  // namespace isthmus::sip
