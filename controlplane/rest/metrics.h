#pragma once

// The Prometheus text format (version 0.0.4) of what the gateway counts.

#include <string>
#include <vector>

#include "controlplane/status/gateway.h"

namespace isthmus::rest {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Stages are there while they are measured. Metrics of the data plane are left out while it is away;
/// isthmus_data_plane_up says so.
std::string to_prometheus(const status::Gateway& gateway, const std::vector<status::Alarm>& alarms,
                          const Result<contract::DataplaneStatus>& data_plane,
                          const Result<contract::StageFigures>& stages);

}  // namespace isthmus::rest
