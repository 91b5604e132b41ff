#pragma once

// Media pool use as alarms at 80, 95 and 100 % (R72).

#include <string>
#include <vector>

#include "controlplane/status/alarms.h"
#include "dataplane/contract/messages.h"

namespace isthmus::status {

inline constexpr std::uint32_t kPoolNoticePercent = 80;
inline constexpr std::uint32_t kPoolWarningPercent = 95;

/// Whole RTP/RTCP pairs only: an odd port left over serves nobody.
std::uint32_t usable_ports(const contract::PoolUse& pool);
/// Ports in use or resting, of the usable ones; 0..100.
std::uint32_t use_percent(const contract::PoolUse& pool);
/// "rooms 10.2.0.1": names a pool in alarms.
std::string pool_name(const contract::PoolUse& pool);
/// "udp" or "tcp": the same range serves both, each on its own (R373).
std::string_view protocol_of(const contract::PoolUse& pool);

/// Raises, changes and clears by what the data plane just said. Event-loop thread.
void watch_pools(const std::vector<contract::PoolUse>& pools, Alarms& alarms);

}  // namespace isthmus::status
