#pragma once

// A call as people see it: for REST, CLI and the log. Values; made on the event-loop thread when asked.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/b2bua/call.h"

namespace isthmus::b2bua {

struct LegView {
  std::string zone;
  std::string uri;           ///< of the peer: From of leg A, request URI of leg B
  std::string display_name;  ///< as the peer wrote it; data, not markup
  std::string call_id;
  std::string signalling;  ///< "tcp 192.0.2.1:5060"
  std::string user_agent;
};

struct StreamLegView {
  std::string codec;       ///< "H264/90000"; empty: not agreed yet
  std::string encryption;  ///< "AES_CM_128_HMAC_SHA1_80", or "none"
  std::string direction;   ///< of the peer
  std::string local;       ///< "192.0.2.1:56000"
  std::string remote;
};

struct StreamView {
  contract::MediaKind kind = contract::MediaKind::kAudio;
  bool active = false;
  std::array<StreamLegView, 2> leg;  ///< by Side
};

struct CallView {
  std::string id;  ///< 16 hexadecimal digits, the same in the log
  std::string state;
  std::array<LegView, 2> leg;  ///< by Side; A called
  std::string dialled;
  std::string target;  ///< request URI towards B
  std::string rule;
  WallTime began{};
  std::optional<WallTime> answered;
  std::optional<WallTime> ended;
  contract::SessionId session;
  std::vector<StreamView> streams;
  std::vector<std::string> history;  ///< a line a step
  std::string end_reason;
  std::uint16_t end_status = 0;
  std::optional<contract::SessionStats> last_stats;  ///< of an ended call
};

std::string call_name(std::uint64_t id);  ///< 16 hexadecimal digits
/// The other way; nothing for text that is no such name.
std::optional<std::uint64_t> call_id_of(std::string_view name);
CallView view_of(const Call& call);
/// "rule ucm: ucm as 3001@example.com (matched)"
std::string history_line(const routing::Step& step);

}  // namespace isthmus::b2bua
