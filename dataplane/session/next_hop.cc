#include "dataplane/session/next_hop.h"

#include <cassert>

#include "dataplane/contract/messages.h"
#include "dataplane/io/tcp_port.h"

namespace isthmus::session {
namespace {

std::uint64_t pack(const std::array<std::uint8_t, 6>& mac, std::uint16_t upper) {
  std::uint64_t word = 0;
  std::memcpy(&word, mac.data(), mac.size());
  return word | (std::uint64_t{upper} << 48U);
}

std::array<std::uint8_t, 6> mac_of(std::uint64_t word) {
  std::array<std::uint8_t, 6> mac{};
  std::memcpy(mac.data(), &word, mac.size());
  return mac;
}

constexpr std::uint16_t kValid = 0x8000;  // beside the io port
static_assert(kMaxIoPort < kValid);

/// The kernel's connections are always there. What fits is what one of them takes (RFC 4571 frames of ours).
NextHopValue over_tcp(IpFamily family) {
  NextHopValue value;
  value.io_port = io::kTcpPort;
  value.mtu = static_cast<std::uint16_t>(contract::kMaxPacketBytes + (family == IpFamily::kV4 ? 28 : 48));
  value.valid = true;
  return value;
}

}  // namespace

void NextHop::set(const NextHopValue& value) {
  assert(value.io_port <= kMaxIoPort);
  const std::uint32_t before = version_.load(std::memory_order_relaxed);
  if (before != 0 && value == value_) return;
  value_ = value;
  version_.store(before + 1, std::memory_order_relaxed);  // odd: being written
  std::atomic_thread_fence(std::memory_order_release);
  const auto port = static_cast<std::uint16_t>(value.io_port | (value.valid ? kValid : 0U));
  words_[0].store(pack(value.destination_mac, port), std::memory_order_relaxed);
  words_[1].store(pack(value.source_mac, value.mtu), std::memory_order_relaxed);
  version_.store(before + 2, std::memory_order_release);
  if (changes_ != nullptr) changes_->fetch_add(1, std::memory_order_release);
}

bool NextHop::read(NextHopValue& value, std::uint32_t& version) const {
  const std::uint32_t before = version_.load(std::memory_order_acquire);
  const std::uint64_t first = words_[0].load(std::memory_order_relaxed);
  const std::uint64_t second = words_[1].load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  if ((before & 1U) != 0 || version_.load(std::memory_order_relaxed) != before) return false;
  version = before;
  value.destination_mac = mac_of(first);
  value.source_mac = mac_of(second);
  value.io_port = static_cast<std::uint16_t>(first >> 48U) & kMaxIoPort;
  value.mtu = static_cast<std::uint16_t>(second >> 48U);
  value.valid = ((first >> 48U) & kValid) != 0;
  return true;
}

NextHop& NextHopTable::acquire(const NextHopKey& key) {
  Entry& entry = entries_[key];
  if (entry.references++ == 0) {
    entry.next_hop = std::make_unique<NextHop>(changes_);
    if (key.tcp) {
      entry.next_hop->set(over_tcp(key.local.family));
    } else {
      listener_.wanted(key, *entry.next_hop);
    }
  }
  return *entry.next_hop;
}

void NextHopTable::release(const NextHopKey& key) {
  const auto found = entries_.find(key);
  assert(found != entries_.end() && found->second.references > 0);
  if (--found->second.references > 0) return;
  if (!key.tcp) listener_.unwanted(key, *found->second.next_hop);
  entries_.erase(found);
}

}  // namespace isthmus::session
