#pragma once

// A request and its answer as plain values: what handlers see. No Beast type gets past server.cc.

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace isthmus::rest {

// Bounds of threat model B5.
inline constexpr std::size_t kMaxHeadBytes =
    std::size_t{32} * 1024;  ///< request line and header lines, final CRLFCRLF included
inline constexpr std::size_t kMaxBodyBytes = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxHeaderLines = 100;
inline constexpr std::size_t kMaxTargetBytes = 4096;

struct Request {
  std::string method;
  std::string target;  ///< origin-form, as sent
  std::string host;
  std::string authorization;  ///< empty: none
  std::string origin;         ///< empty: none
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Called exactly once, on the event-loop thread; within the handler or later.
using Respond = std::function<void(Response)>;
using Handler = std::function<void(Request, Respond)>;

}  // namespace isthmus::rest
