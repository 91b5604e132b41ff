#pragma once

// Who may do what: the token, roles, and the back-off after failures (threat model B5). Event-loop thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>

#include "controlplane/rest/token_store.h"

namespace isthmus::rest {

/// Each role may do all that the ones before it may.
enum class Role : std::uint8_t { kPublic, kViewer, kOperator, kAdmin };

class Gatekeeper {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  static constexpr unsigned kFreeFailures = 10;  ///< then each further failure waits twice as long
  static constexpr std::chrono::seconds kFirstWait{1};
  static constexpr std::chrono::seconds kLongestWait{32};

  explicit Gatekeeper(const TokenHash& admin, Clock clock = [] { return std::chrono::steady_clock::now(); });

  struct Verdict {
    enum class Kind : std::uint8_t { kKnown, kNoToken, kWrongToken, kWait } kind = Kind::kNoToken;
    Role role = Role::kPublic;
    std::chrono::seconds retry_after{0};  ///< kWait
  };
  /// The value of Authorization. While a wait runs no token is looked at, right or wrong.
  Verdict admit(std::string_view authorization);

  std::uint64_t failures() const { return failures_; }  ///< since start

 private:
  TokenHash admin_;
  Clock clock_;
  unsigned in_a_row_ = 0;
  std::uint64_t failures_ = 0;
  std::chrono::steady_clock::time_point wait_until_{};
};

}  // namespace isthmus::rest
