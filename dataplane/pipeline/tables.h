#pragma once

// What the classify stage looks up: our media addresses, then the port's place in a flat array. One worker's.

#include <cstdint>
#include <vector>

#include "dataplane/session/worker_link.h"

namespace isthmus::pipeline {

/// A destination address as it lies in the header; compares like session::SourceKey.
inline constexpr std::uint32_t kOverTcp = 0x100;  ///< its ports are others than those of UDP

struct AddressKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint32_t family = 0;  ///< 4, 6, and kOverTcp; 0: an empty slot

  bool equals(const AddressKey& other) const {
    return ((low ^ other.low) | (high ^ other.high) | (family ^ other.family)) == 0;
  }
};

/// A local address and its row of ports.
struct AddressRow {
  AddressKey key;
  std::uint16_t first_port = 0;
  std::uint32_t ports = 0;  ///< how many
  std::uint32_t base = 0;   ///< place of its first pair in the array of pairs, less half its first port
};

class Tables {
 public:
  explicit Tables(const std::vector<session::LocalAddress>& addresses);

  /// nullptr: no address of ours.
  const AddressRow* find(const AddressKey& key) const {
    const AddressRow& first = slots_[hash(key) & mask_];
    if (first.key.equals(key)) [[likely]]
      return &first;
    return search(key);
  }
  /// The leg that has the port (and the other one of its pair); nullptr: closed. `port` is inside the row.
  session::Leg* leg(const AddressRow& row, std::uint32_t port) const {
    return legs_[static_cast<std::uint32_t>(row.base + (port >> 1U))];
  }

  /// `rtp` is the even port of the leg's pair.
  void open(const SocketAddress& rtp, bool tcp, session::Leg& leg);
  void close(const SocketAddress& rtp, bool tcp, std::uint64_t now_ns);
  bool resting(const AddressRow& row, std::uint32_t port, std::uint64_t now_ns) const {
    return now_ns < rests_until_ns_[static_cast<std::uint32_t>(row.base + (port >> 1U))];
  }

 private:
  static std::size_t hash(const AddressKey& key) {
    return static_cast<std::size_t>(((key.low ^ (key.high * 0x9e3779b97f4a7c15U)) * 0xbf58476d1ce4e5b9U) >> 32U);
  }
  const AddressRow* search(const AddressKey& key) const;
  std::size_t place(const SocketAddress& local, bool tcp) const;

  std::vector<AddressRow> slots_;  // open addressing, a power of two, at most a quarter full
  std::size_t mask_;
  std::vector<session::Leg*> legs_;  // by pair: half the size stays in the first-level cache longer
  std::vector<std::uint64_t> rests_until_ns_;
};

AddressKey address_key(const IpAddress& address, bool tcp);

}  // namespace isthmus::pipeline
