#pragma once

// One leg of a call: its zone, its dialog, and what it still owes or is owed. A value.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "controlplane/b2bua/dialog.h"
#include "controlplane/b2bua/events.h"

namespace isthmus::b2bua {

/// Provisional responses that wait behind an unacknowledged reliable one; more are dropped, the last state counts.
inline constexpr std::size_t kMaxQueuedProvisional = 4;

/// A 2xx of ours that has not been acknowledged.
struct Unacked {
  ServerId transaction = 0;
  std::uint32_t cseq = 0;
  std::chrono::milliseconds interval{};  ///< until the next copy
  bool wants_answer = false;             ///< it carried our offer: the ACK brings the answer
};

/// A provisional response to the caller, as it was or will be sent.
struct Provisional {
  std::uint16_t status = 180;
  std::string reason;
  std::optional<Body> body;
  Headers headers;
};

/// Reliable provisional responses towards the caller (RFC 3262 3), one at a time.
struct Reliable {
  std::uint32_t rseq = 0;  ///< last one used; drawn at random, then one more each
  std::optional<Provisional> outstanding;
  std::chrono::milliseconds interval{};
  std::deque<Provisional> queued;
};

/// Who keeps a leg's session alive, and how often (RFC 4028).
enum class SessionDuty : std::uint8_t {
  kNone,  ///< No session timer on this leg.
  kOurs,  ///< We refresh at half the interval.
  kPeers  ///< The peer does; BYE shortly before it expires.
};
struct SessionTimer {
  SessionDuty duty = SessionDuty::kNone;
  std::uint32_t interval_s = 0;
  std::uint32_t min_se_s = 0;  ///< highest Min-SE that the peer told us (422)
};

/// How far a leg is on its way out.
enum class LegEnd : std::uint8_t {
  kOpen,     ///< Nothing said yet.
  kWaitAck,  ///< BYE must wait: the 2xx we sent is not acknowledged (RFC 3261 15).
  kByeSent,  ///< BYE sent, its answer is missing.
  kOver,     ///< Nothing more to say or to wait for.
};

struct Leg {
  std::string zone;
  std::string peer;        ///< transport and address in use, for people
  bool is_tls = false;     ///< of the signalling link
  std::string user_agent;  ///< User-Agent or Server of the peer (R29)
  /// Microsoft: groups this call with messages and shares of the same two people; the caller's own, or drawn by us.
  std::string conversation_id;
  Dialog dialog;
  MethodSet allow;
  bool supports_timer = false;
  bool supports_100rel = false;
  bool requires_100rel = false;
  bool takes_early_media = true;   ///< leg A: may have a description in a 18x
  std::uint64_t sdp_mark = 0;      ///< of the last description taken from the peer: equal ones need no new answer
  std::optional<ServerId> invite;  ///< initial INVITE that we have not answered finally (leg A)
  std::uint32_t invite_cseq = 0;
  std::optional<Unacked> unacked;
  Reliable reliable;
  SessionTimer session;
  LegEnd end = LegEnd::kOpen;
};

}  // namespace isthmus::b2bua
