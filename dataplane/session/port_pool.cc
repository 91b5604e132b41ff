#include "dataplane/session/port_pool.h"

#include <cassert>
#include <string>

namespace isthmus::session {

PortPool::PortPool(IpAddress address, std::uint16_t first, std::uint16_t last, std::size_t workers, bool tcp)
    : address_(address), tcp_(tcp), first_(first), last_(last), first_pair_((first + 1U) & ~1U), free_(workers) {
  assert(first <= last && workers > 0);
  const std::uint32_t end = last_ + 1U;  // one behind the last port that may be used
  if (first_pair_ + 1 >= end) return;
  pairs_.resize((end - first_pair_) / 2);
  for (std::size_t i = 0; i < pairs_.size(); ++i) add_free(static_cast<std::uint16_t>(first_pair_ + 2 * i));
}

bool PortPool::is_pair(std::uint16_t rtp_port) const {
  return rtp_port % 2 == 0 && rtp_port >= first_pair_ && (rtp_port - first_pair_) / 2U < pairs_.size();
}

void PortPool::add_free(std::uint16_t rtp_port) {
  std::vector<std::uint16_t>& list = free_[port_class(rtp_port, free_.size())];
  pair(rtp_port).state = State::kFree;
  pair(rtp_port).place = list.size();
  list.push_back(rtp_port);
}

void PortPool::remove_free(std::uint16_t rtp_port) {
  std::vector<std::uint16_t>& list = free_[port_class(rtp_port, free_.size())];
  const std::size_t place = pair(rtp_port).place;
  list[place] = list.back();
  pair(list[place]).place = place;
  list.pop_back();
}

void PortPool::wake(std::uint64_t now_ns) {
  while (!resting_.empty() && resting_.front().until_ns <= now_ns) {
    const Resting& first = resting_.front();
    // An entry is stale when the pair was taken in its rest, and perhaps given back again since.
    if (pair(first.port).state == State::kResting && pair(first.port).rest_until_ns == first.until_ns) {
      add_free(first.port);
      --pairs_resting_;
    }
    resting_.pop_front();
  }
}

bool PortPool::is_free(std::uint16_t rtp_port, std::uint64_t now_ns) {
  wake(now_ns);
  return is_pair(rtp_port) && pair(rtp_port).state == State::kFree;
}

Result<std::uint16_t> PortPool::draw(std::size_t worker, std::uint64_t now_ns, RandomSource& random, PortPool* beside) {
  wake(now_ns);
  const std::vector<std::uint16_t>& list = free_[worker];
  if (list.empty()) return fail(ErrorKind::kExhausted, "no free pair of ports in the pool", "port");
  const std::size_t first = random.below(static_cast<std::uint32_t>(list.size()));
  std::size_t at = first;
  if (beside != nullptr) {
    // Few ports are in use over TCP, so the first one mostly is it.
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::size_t next = (first + i) % list.size();
      if (!beside->is_free(list[next], now_ns)) continue;
      at = next;
      break;
    }
  }
  const std::uint16_t port = list[at];
  remove_free(port);
  pair(port).state = State::kUsed;
  ++pairs_used_;
  return port;
}

Result<std::uint16_t> PortPool::take(std::uint16_t rtp_port, std::uint64_t now_ns) {
  wake(now_ns);
  if (!is_pair(rtp_port)) {
    return fail(ErrorKind::kInvalidArgument, std::to_string(rtp_port) + " is no even port of the pool", "port");
  }
  Pair& wanted = pair(rtp_port);
  if (wanted.state == State::kUsed) {
    return fail(ErrorKind::kExhausted, "port " + std::to_string(rtp_port) + " is in use", "port");
  }
  if (wanted.state == State::kFree) remove_free(rtp_port);
  if (wanted.state == State::kResting) --pairs_resting_;
  wanted.state = State::kUsed;
  ++pairs_used_;
  return rtp_port;
}

void PortPool::release(std::uint16_t rtp_port, std::uint64_t now_ns) {
  assert(is_pair(rtp_port) && pair(rtp_port).state == State::kUsed);
  Pair& given = pair(rtp_port);
  given.state = State::kResting;
  given.rest_until_ns = now_ns + kPortRestNs;
  resting_.push_back({rtp_port, given.rest_until_ns});
  --pairs_used_;
  ++pairs_resting_;
}

std::uint32_t PortPool::ports_resting(std::uint64_t now_ns) {
  wake(now_ns);
  return 2 * pairs_resting_;
}

std::size_t PortPool::free_pairs(std::size_t worker, std::uint64_t now_ns) {
  wake(now_ns);
  return free_[worker].size();
}

}  // namespace isthmus::session
