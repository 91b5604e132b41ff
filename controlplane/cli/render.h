#pragma once

// The gateway's JSON as text for people. Answers are foreign bytes too: what is missing or of another kind shows as
// "-", nothing throws. render.cc and render_inspection.cc know Boost.JSON.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::cli {

Result<std::string> render_status(std::string_view json);
/// All pages, one answer each.
Result<std::string> render_calls(const std::vector<std::string>& pages);
Result<std::string> render_ended_calls(const std::vector<std::string>& pages);
Result<std::string> render_call(std::string_view json);
/// How far a trace has been read.
struct TraceProgress {
  std::uint64_t next = 0;
  bool more = false;   ///< the page was not empty: another one may be there already
  bool ended = false;  ///< all has been read
};
/// A line a packet. Moves `progress` on.
Result<std::string> render_trace(std::string_view json, TraceProgress& progress);
Result<std::string> render_stages(std::string_view json);
Result<std::string> render_route(std::string_view json);
/// "Not Found: no call has this id" of a problem document; the status alone where it is none.
std::string render_problem(unsigned status, std::string_view json);

/// Empty on the last page.
Result<std::string> next_cursor_of(std::string_view page);

/// "1:02:03", "2:03".
std::string to_clock_text(double seconds);

}  // namespace isthmus::cli
