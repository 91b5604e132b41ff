#pragma once

// Does what a Command says: asks the gateway, prints the answer.

#include <functional>
#include <iosfwd>

#include "controlplane/cli/command.h"
#include "controlplane/cli/http_client.h"

namespace isthmus::cli {

inline constexpr std::size_t kMaxPages = 200;  ///< of 1000 calls

struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  /// One request with the token; a test's own or send_request().
  std::function<Result<Answer>(std::string_view method, std::string_view target)> ask;
  /// Waits between two looks of --watch; false: stop watching.
  std::function<bool(std::chrono::seconds)> wait;
};

/// The exit code.
int run(const Command& command, const Surroundings& around);

/// The first line of the file. The error says what to do.
Result<std::string> read_token(const std::string& path);

/// What to do when nobody answers.
std::string unreachable_text(const Command& command, const Error& error);

}  // namespace isthmus::cli
