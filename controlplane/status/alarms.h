#pragma once

// Standing conditions that an operator should know of (R266): raised once, cleared once, listed while they stand.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::status {

using WallTime = std::chrono::system_clock::time_point;

enum class Severity : std::uint8_t { kInfo, kWarning, kCritical };
std::string_view to_string(Severity severity);

// Ids that documents and operators' own rules can name.
inline constexpr std::string_view kKeysOverClear = "keys-over-clear";  ///< subject: the zone
inline constexpr std::string_view kDataPlaneAway = "data-plane-away";
inline constexpr std::string_view kMediaPoolUse = "media-pool-use";  ///< subject: network and address
inline constexpr std::string_view kCallLimitReached = "call-limit-reached";
inline constexpr std::string_view kKeyLifetimeLow = "key-lifetime-low";  ///< subject: call, stream, party, direction
inline constexpr std::string_view kPeerFailed = "peer-failed";           ///< subject: zone and peer
inline constexpr std::string_view kTrustedHostsMany = "trusted-hosts-many";  ///< R190
inline constexpr std::string_view kStateSetAside = "state-set-aside";        ///< the journal could not be read

struct Alarm {
  std::string id;
  std::string subject;  ///< which zone, pool, peer; empty where there is only one
  Severity severity = Severity::kWarning;
  std::string text;  ///< what is wrong and what to do, a sentence without a full stop
  WallTime since{};  ///< when it was raised, or its severity changed
};

/// The event-loop thread. Each raise, change of severity and clear is one log line and counted.
class Alarms {
 public:
  using WallClock = std::function<WallTime()>;
  explicit Alarms(WallClock clock = [] { return std::chrono::system_clock::now(); });

  /// Raises the alarm, or renews its text where it stands already.
  void raise(std::string_view id, std::string_view subject, Severity severity, std::string text);
  /// One that does not stand is left alone.
  void clear(std::string_view id, std::string_view subject = {});

  /// Worst first, then oldest first.
  std::vector<Alarm> standing() const;
  std::uint64_t raised() const { return raised_; }  ///< since start

 private:
  WallClock clock_;
  std::map<std::pair<std::string, std::string>, Alarm> standing_;
  std::uint64_t raised_ = 0;
};

}  // namespace isthmus::status
