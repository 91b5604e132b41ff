#pragma once

// Values to JSON texts; json.cc and inspection_json.cc know Boost.JSON. What is not known is null, times are RFC 3339
// in UTC, units are in the names.

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/status/gateway.h"

namespace isthmus::rest {

std::string problem_to_json(unsigned status, std::string_view title, std::string_view code, std::string_view detail);

/// `data_plane` is empty while it is away.
std::string to_json(const status::Gateway& gateway, const std::vector<status::Alarm>& alarms,
                    const Result<contract::DataplaneStatus>& data_plane, status::WallTime now);

/// One page; `next_cursor` is null on the last.
std::string to_json(const std::vector<status::Call>& calls, std::string_view next_cursor, status::WallTime now);

/// One call with the figures of each stream and leg, which are null while the data plane does not tell.
std::string to_json(const status::Call& call, const Result<contract::SessionStats>& figures, status::WallTime now);

std::string to_json(const status::Source::RouteTest& route);

/// Each stage with its cycles a packet, which are null before one has come.
std::string to_json(const contract::StageFigures& figures);

/// One page of a trace; what a record does not have is null.
std::string to_json(const status::Call& call, const contract::TracePage& page);

/// {"status":"..."}: for the health routes.
std::string state_to_json(std::string_view state);

/// 2026-11-23T20:15:03.123Z
std::string to_rfc3339(status::WallTime time);
std::string_view name_of(contract::MediaKind kind);

}  // namespace isthmus::rest
