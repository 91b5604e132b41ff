#pragma once

// One HTTP request to the gateway and its answer, waiting for it. The one file that knows Beast.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus::cli {

inline constexpr std::size_t kMaxAnswerBytes = std::size_t{16} * 1024 * 1024;

struct Url {
  std::string host;  ///< without brackets
  std::uint16_t port = 80;
  std::string authority;  ///< as it goes into the Host header
};

/// "http://host[:port][/]". Nothing else is spoken yet.
Result<Url> parse_url(std::string_view text);

struct Answer {
  unsigned status = 0;
  std::string body;
};

/// kUnavailable when nobody answers within `patience`.
Result<Answer> send_request(const Url& url, std::string_view token, std::string_view method, std::string_view target,
                            std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace isthmus::cli
