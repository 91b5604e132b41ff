#pragma once

// What the person asked for, as a value: the command line once read.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace isthmus::cli {

inline constexpr const char* kDefaultUrl = "http://127.0.0.1:8480";
inline constexpr const char* kDefaultTokenFile = "/var/lib/isthmus/token";

enum class Verb : std::uint8_t { kStatus, kCalls, kCall, kHangup, kRouteTest, kStages, kTrace };

struct Command {
  Verb verb = Verb::kStatus;
  std::string url = kDefaultUrl;
  std::string token_file = kDefaultTokenFile;
  bool json = false;   ///< the gateway's answer as it is
  bool ended = false;  ///< calls: those that ended lately
  bool watch = false;  ///< again every `interval` until interrupted
  std::chrono::seconds interval{1};
  std::string call_id{};
  std::string uri{};              ///< route test
  std::string from{};             ///< route test: zone, may be empty
  std::string stream = "audio";   ///< trace: or "video", or a place
  std::string side{};             ///< trace: "a", "b"; empty: both
  int packets = 100;              ///< trace
  int seconds = 10;               ///< trace
  std::optional<bool> measure{};  ///< stages: switch the counters first
};

/// Help, or a mistake: what to print and how to end.
struct Ending {
  int exit_code = 0;
  std::string text;
};

/// What the program may end with.
inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;  ///< the gateway says no
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;

std::variant<Command, Ending> read_command_line(int argc, const char* const* argv);

}  // namespace isthmus::cli
