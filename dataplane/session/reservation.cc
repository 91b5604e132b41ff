#include "dataplane/session/reservation.h"

namespace isthmus::session {

Reservation::~Reservation() {
  if (committed_) return;
  for (const Pair& pair : pairs_) {
    close_ports(listener_, *pair.pool, pair.rtp_port);
    pair.pool->release(pair.rtp_port, now_ns_);
  }
  // No worker has seen these.
  for (const NextHopKey& key : keys_) hops_.release(key);
}

Result<std::uint16_t> Reservation::pair(PortPool& pool, std::uint16_t rtp_port, std::size_t worker,
                                        RandomSource& random) {
  auto port = rtp_port == 0 ? pool.draw(worker, now_ns_, random) : pool.take(rtp_port, now_ns_);
  if (!port) return port;
  if (auto kept = keep(pool, *port, worker); !kept) return forward_error(kept);
  return port;
}

Result<std::uint16_t> Reservation::pair_and_tcp(PortPool& pool, PortPool& tcp_pool, std::uint16_t rtp_port,
                                                std::size_t worker, RandomSource& random, bool& has_tcp) {
  has_tcp = false;
  auto port = rtp_port == 0 ? pool.draw(worker, now_ns_, random, &tcp_pool) : pool.take(rtp_port, now_ns_);
  if (!port) return port;
  if (auto kept = keep(pool, *port, worker); !kept) return forward_error(kept);
  // One that rests is for those alone who had it before (take()).
  if (rtp_port == 0 && !tcp_pool.is_free(*port, now_ns_)) return port;
  has_tcp = tcp_pool.take(*port, now_ns_).has_value() && keep(tcp_pool, *port, worker).has_value();
  return port;
}

// Opens what the pool gave, or gives it back.
Result<void> Reservation::keep(PortPool& pool, std::uint16_t rtp_port, std::size_t worker) {
  auto opened = open(pool, rtp_port, worker);
  if (opened) {
    pairs_.push_back({&pool, rtp_port});
  } else {
    pool.release(rtp_port, now_ns_);
  }
  return opened;
}

// Over TCP all goes by the even port.
Result<void> Reservation::open(const PortPool& pool, std::uint16_t rtp_port, std::size_t worker) {
  const IpAddress& ip = pool.address();
  if (pool.is_tcp()) return listener_.open_tcp_port({ip, rtp_port}, worker);
  if (auto opened = listener_.open_port({ip, rtp_port}, worker); !opened) return opened;
  auto opened = listener_.open_port({ip, static_cast<std::uint16_t>(rtp_port + 1)}, worker);
  if (!opened) listener_.close_port({ip, rtp_port});
  return opened;
}

void close_ports(PortListener& listener, const PortPool& pool, std::uint16_t rtp_port) {
  if (pool.is_tcp()) return listener.close_tcp_port({pool.address(), rtp_port});
  listener.close_port({pool.address(), rtp_port});
  listener.close_port({pool.address(), static_cast<std::uint16_t>(rtp_port + 1)});
}

NextHop& Reservation::hop(const NextHopKey& key) {
  keys_.push_back(key);
  return hops_.acquire(key);
}

}  // namespace isthmus::session
