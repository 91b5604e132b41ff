#pragma once

// What an operation has taken so far and gives back when it ends without commit().

#include <cstdint>
#include <vector>

#include "dataplane/session/next_hop.h"
#include "dataplane/session/port_pool.h"
#include "dataplane/session/session_table.h"

namespace isthmus::session {

/// What Reservation::pair() opened.
void close_ports(PortListener& listener, const PortPool& pool, std::uint16_t rtp_port);

class Reservation {
 public:
  Reservation(NextHopTable& hops, PortListener& listener, std::uint64_t now_ns)
      : hops_(hops), listener_(listener), now_ns_(now_ns) {}
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// Draws a pair (rtp_port 0) or takes the named one, and opens both ports.
  Result<std::uint16_t> pair(PortPool& pool, std::uint16_t rtp_port, std::size_t worker, RandomSource& random);
  /// The same, and the port of that number over TCP where it is to be had; `has_tcp` says whether it was.
  Result<std::uint16_t> pair_and_tcp(PortPool& pool, PortPool& tcp_pool, std::uint16_t rtp_port, std::size_t worker,
                                     RandomSource& random, bool& has_tcp);
  NextHop& hop(const NextHopKey& key);
  void commit() { committed_ = true; }

 private:
  struct Pair {
    PortPool* pool = nullptr;
    std::uint16_t rtp_port = 0;
  };
  Result<void> keep(PortPool& pool, std::uint16_t rtp_port, std::size_t worker);
  Result<void> open(const PortPool& pool, std::uint16_t rtp_port, std::size_t worker);

  NextHopTable& hops_;
  PortListener& listener_;
  std::uint64_t now_ns_;
  std::vector<Pair> pairs_;
  std::vector<NextHopKey> keys_;
  bool committed_ = false;
};

}  // namespace isthmus::session
