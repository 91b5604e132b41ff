#include "controlplane/status/pool_watch.h"

#include <algorithm>

namespace isthmus::status {

std::uint32_t usable_ports(const contract::PoolUse& pool) {
  if (pool.last_port < pool.first_port) return 0;
  const std::uint32_t ports = static_cast<std::uint32_t>(pool.last_port - pool.first_port) + 1;
  // Pairs start at even ports (RFC 3550 11).
  return (ports - pool.first_port % 2U) / 2 * 2;
}

std::uint32_t use_percent(const contract::PoolUse& pool) {
  const std::uint32_t usable = usable_ports(pool);
  if (usable == 0) return 100;
  const std::uint64_t taken = std::uint64_t{pool.in_use} + pool.resting;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(taken * 100 / usable, 100));
}

std::string_view protocol_of(const contract::PoolUse& pool) {
  return pool.transport == contract::LegTransport::kTcp ? "tcp" : "udp";
}

std::string pool_name(const contract::PoolUse& pool) {
  const bool is_tcp = pool.transport == contract::LegTransport::kTcp;
  return pool.network + " " + to_string(pool.address) + (is_tcp ? " tcp" : "");
}

void watch_pools(const std::vector<contract::PoolUse>& pools, Alarms& alarms) {
  for (const contract::PoolUse& pool : pools) {
    const std::uint32_t percent = use_percent(pool);
    const std::string name = pool_name(pool);
    if (percent < kPoolNoticePercent) {
      alarms.clear(kMediaPoolUse, name);
      continue;
    }
    const Severity severity = percent >= 100                   ? Severity::kCritical
                              : percent >= kPoolWarningPercent ? Severity::kWarning
                                                               : Severity::kInfo;
    std::string text = std::to_string(percent) + " % of the media ports are taken; ";
    text += percent >= 100 ? "new calls are refused: enlarge the range or add a media address"
                           : "enlarge the range or add a media address before calls are refused";
    alarms.raise(kMediaPoolUse, name, severity, std::move(text));
  }
}

}  // namespace isthmus::status
