#include "dataplane/session/leg.h"

#include <algorithm>
#include <cstring>

namespace isthmus::session {
namespace {

double ticks_to_ms(double ticks, std::uint32_t clock_hz) { return clock_hz == 0 ? 0 : ticks * 1000.0 / clock_hz; }

}  // namespace

SourceKey SourceKey::of(const SocketAddress& address) {
  SourceKey key;
  std::memcpy(&key.low, address.ip.bytes.data(), 8);
  std::memcpy(&key.high, address.ip.bytes.data() + 8, 8);
  key.port_family = __builtin_bswap16(address.port) | (static_cast<std::uint32_t>(address.ip.family) << 16U);
  return key;
}

SocketAddress SourceKey::address() const {
  SocketAddress address;
  std::memcpy(address.ip.bytes.data(), &low, 8);
  std::memcpy(address.ip.bytes.data() + 8, &high, 8);
  address.ip.family = static_cast<IpFamily>(port_family >> 16U);
  address.port = __builtin_bswap16(static_cast<std::uint16_t>(port_family));
  return address;
}

void publish_remote(Leg& leg, const SourceKey& remote) {
  const std::uint32_t before = leg.remote_version.load(std::memory_order_relaxed);
  leg.remote_version.store(before + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  leg.remote[0].store(remote.low, std::memory_order_relaxed);
  leg.remote[1].store(remote.high, std::memory_order_relaxed);
  leg.remote[2].store(remote.port_family, std::memory_order_relaxed);
  leg.remote_version.store(before + 2, std::memory_order_release);
}

std::optional<SocketAddress> read_remote(const Leg& leg) {
  for (;;) {
    const std::uint32_t before = leg.remote_version.load(std::memory_order_acquire);
    SourceKey key;
    key.low = leg.remote[0].load(std::memory_order_relaxed);
    key.high = leg.remote[1].load(std::memory_order_relaxed);
    key.port_family = static_cast<std::uint32_t>(leg.remote[2].load(std::memory_order_relaxed));
    std::atomic_thread_fence(std::memory_order_acquire);
    if ((before & 1U) != 0 || leg.remote_version.load(std::memory_order_relaxed) != before) continue;
    if (key.port_family == 0) return std::nullopt;
    return key.address();
  }
}

std::int64_t packets_lost(const Leg& leg) {
  const std::uint64_t received = leg.receive.packets.get() - leg.reports.received_base.get();
  if (received == 0) return leg.reports.lost_before.get();
  const std::uint32_t expected = leg.receive.highest.get() - leg.reports.base.get() + 1;
  return leg.reports.lost_before.get() + static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received);
}

contract::LegStats read_stats(const Leg& leg) {
  const LegReceive& in = leg.receive;
  const LegReports& reports = leg.reports;
  contract::LegStats stats;
  stats.packets_received = in.packets.get();
  stats.bytes_received = in.bytes.get();
  stats.packets_sent = leg.transmit.packets.get();
  stats.bytes_sent = leg.transmit.bytes.get();
  stats.rtcp_received = reports.received.get();
  stats.rtcp_sent = reports.sent.get();
  stats.packets_lost = packets_lost(leg);
  stats.payload_type = in.payload_in.get();
  stats.jitter_ms = ticks_to_ms(in.jitter_q4.get() / 16.0, in.clock_hz.get());
  stats.peer_packets_lost = reports.peer_lost.get();
  stats.peer_jitter_ms = reports.peer_jitter_ms.get();
  stats.round_trip_ms = reports.round_trip_ms.get();
  stats.drops = leg.drops.get();
  stats.remote_rtp = read_remote(leg);
  return stats;
}

}  // namespace isthmus::session
