#pragma once

// The media ports of one local address. An endpoint has a pair: RTP on the even port, RTCP on the odd one above it
// (RFC 3550 11). Pairs are drawn at random from one worker's class of port numbers; a freed pair rests and forgets.

#include <cstdint>
#include <deque>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/random.h"
#include "dataplane/base/result.h"
#include "dataplane/io/port_class.h"

namespace isthmus::session {

inline constexpr std::uint16_t kDefaultFirstPort = 56000;  // R372, inclusive
inline constexpr std::uint16_t kDefaultLastPort = 57000;
inline constexpr std::uint64_t kPortRestNs = 2'000'000'000;  // threat model B2

using io::port_class;

/// Control thread.
class PortPool {
 public:
  /// `first`..`last` inclusive; an odd first port and an even last one cannot be half of a pair and stay unused.
  PortPool(IpAddress address, std::uint16_t first, std::uint16_t last, std::size_t workers, bool tcp = false);

  /// The even port of a free pair of the worker's class. kExhausted (field "port") when none is left. One that `beside`
  /// has free as well comes before all others.
  Result<std::uint16_t> draw(std::size_t worker, std::uint64_t now_ns, RandomSource& random,
                             PortPool* beside = nullptr);
  /// A given pair, for recovery; it may be resting. kInvalidArgument: odd or outside; kExhausted: in use.
  Result<std::uint16_t> take(std::uint16_t rtp_port, std::uint64_t now_ns);
  /// Gives a pair back; it rests for kPortRestNs.
  void release(std::uint16_t rtp_port, std::uint64_t now_ns);

  /// Neither in use nor resting.
  bool is_free(std::uint16_t rtp_port, std::uint64_t now_ns);

  const IpAddress& address() const { return address_; }
  bool is_tcp() const { return tcp_; }
  std::uint16_t first_port() const { return first_; }
  std::uint16_t last_port() const { return last_; }
  std::size_t workers() const { return free_.size(); }
  std::uint32_t ports_in_use() const { return 2 * pairs_used_; }
  std::uint32_t ports_resting(std::uint64_t now_ns);
  /// Free pairs of a worker's class at this time.
  std::size_t free_pairs(std::size_t worker, std::uint64_t now_ns);

 private:
  enum class State : std::uint8_t { kFree, kUsed, kResting };
  struct Pair {
    State state = State::kFree;
    std::uint64_t rest_until_ns = 0;
    std::size_t place = 0;  // in free_ of its class, while kFree
  };
  struct Resting {
    std::uint16_t port = 0;
    std::uint64_t until_ns = 0;
  };

  bool is_pair(std::uint16_t rtp_port) const;
  Pair& pair(std::uint16_t rtp_port) { return pairs_[static_cast<std::size_t>(rtp_port - first_pair_) / 2]; }
  void wake(std::uint64_t now_ns);
  void add_free(std::uint16_t rtp_port);
  void remove_free(std::uint16_t rtp_port);

  IpAddress address_;
  bool tcp_;
  std::uint16_t first_;
  std::uint16_t last_;
  std::uint32_t first_pair_;
  std::vector<Pair> pairs_;
  std::vector<std::vector<std::uint16_t>> free_;  // by worker; unordered
  std::deque<Resting> resting_;                   // by until_ns; stale where the pair was taken meanwhile
  std::uint32_t pairs_used_ = 0;
  std::uint32_t pairs_resting_ = 0;
};

}  // namespace isthmus::session
