#pragma once

// A call between two legs, as a value: all that has to survive a restart is in here, and nothing that is not a value.
// Leg A called us, leg B is called by us. The rules are in machine.h; the table of states is drawn in README.md.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/b2bua/actions.h"
#include "controlplane/b2bua/events.h"
#include "controlplane/b2bua/leg.h"
#include "controlplane/media/call_media.h"
#include "controlplane/routing/alias.h"
#include "controlplane/routing/dial_plan.h"

namespace isthmus::b2bua {

inline constexpr std::size_t kMaxForks = 8;      ///< early dialogs of one INVITE that are told apart
inline constexpr std::size_t kMaxPassing = 4;    ///< INFO requests on their way across at once
inline constexpr unsigned kMaxGlareRetries = 5;  ///< own re-INVITEs answered 491, or 500 with Retry-After
inline constexpr std::uint32_t kMostBusyS = 10;  ///< of that Retry-After (RFC 3261 14.2)
inline constexpr unsigned kMaxTimerRetries = 2;  ///< INVITEs answered 422
inline constexpr std::size_t kMaxAttempts = 32;  ///< targets times peers of their zones

using WallTime = std::chrono::system_clock::time_point;

enum class State : std::uint8_t {
  /// A's INVITE is taken. The data plane is asked for the ports of both legs; nobody else knows of the call yet.
  kOpening,
  /// INVITE sent to the current target; nothing, or only 100, came back. A CANCEL to B has to wait (RFC 3261 9.1).
  kCalling,
  /// B said 101-199. A heard the same; early media may flow.
  kProceeding,
  /// B said 2xx and has its ACK. The data plane is told the answer; A's 2xx goes out when it has it.
  kAnswering,
  /// A has the 2xx, its ACK is missing: the 2xx is sent again until it comes, or 64*T1 passed.
  kAnswered,
  /// Both dialogs are confirmed. Re-INVITE, UPDATE, INFO and refreshes run inside (`exchange`).
  kUp,
  /// A has its final answer (or is gone); B's INVITE is being cancelled and its final answer is missing.
  kCancelling,
  /// The end is decided and media is closed: BYEs, a late ACK and the data plane's last figures are waited for.
  kEnding,
  /// Nothing is left; the shell forgets the call.
  kEnded,
};
std::string_view to_string(State state);

/// What the data plane is doing for the call.
enum class SessionState : std::uint8_t { kNone, kOpening, kOpen, kClosing };

/// Why an open or update was sent, so that its answer goes on in the right place.
enum class Purpose : std::uint8_t {
  kOpen,       ///< ports for a new attempt
  kEarly,      ///< early media of a 18x
  kAnswer,     ///< B's 2xx
  kConfirm,    ///< the answer that A's ACK brought
  kPorts,      ///< ports for a re-offer
  kApply,      ///< the answer to a re-offer
  kRestore,    ///< back to what was before a refused re-offer; nobody waits
  kReprogram,  ///< everything again, after the data plane started anew
};

/// A way to reach the callee: one peer of one target's zone.
struct Attempt {
  routing::Target target;
  std::string uri;          ///< request URI
  std::size_t peer = 0;     ///< index into the zone's peers
  std::size_t address = 0;  ///< index into the addresses that the peer has at the moment
};

/// The INVITE that is out towards B.
struct Calling {
  ClientId invite = 0;
  bool heard = false;          ///< a provisional response came, so CANCEL may be sent
  bool cancel_wanted = false;  ///< CANCEL goes out with the first provisional response
  /// Of this target, also before it was asked again in other words.
  struct SoFar {
    bool answered_early = false;     ///< A has an answer from a 18x
    bool answered_reliably = false;  ///< and A acknowledged it: the 2xx must not answer again (RFC 3262 5)
    bool decided = false;            ///< an answer chose among the ports, and the data plane knows
    bool clear_retry = false;        ///< encryption was left out after a 488 (best effort as SAVP)
    unsigned timer_retries = 0;
  };
  SoFar so_far;
  /// As of the offer; each fork's answer starts from here. Leg A is as agreed once it has its answer reliably.
  std::optional<media::CallMedia> offered;
  std::optional<media::CallMedia> early;  ///< with the last early answer
  std::string early_tag;                  ///< whose it was
  std::optional<Provisional> waiting;     ///< goes to A when the data plane has the early media
  struct Fork {
    std::string tag;
    std::uint32_t rseq = 0;
    std::optional<Body> answer;  ///< that came reliably: its 2xx may be without one (RFC 3262 5)
  };
  std::vector<Fork> forks;
};

/// A change of the media of a call that is up.
struct Exchange {
  enum class Kind : std::uint8_t {
    kForwarded,  ///< `from` offered; the other side is asked, then `from` is answered.
    kOfferless,  ///< `from` sent INVITE without SDP: our 2xx offered, its ACK brings the answer.
    kOwn,        ///< We offer to other(from) because what `from` has changed; nobody waits.
  };
  enum class Phase : std::uint8_t {
    kPorts,     ///< the data plane draws ports for new streams
    kOffered,   ///< our offer is out
    kApplying,  ///< the data plane is told the result
    kWaitAck,   ///< kOfferless: our offer is out in a 2xx
    kGlare,     ///< kOwn: answered 491, goes again when the timer says so
  };
  Kind kind = Kind::kForwarded;
  Phase phase = Phase::kPorts;
  Side from = Side::kA;
  ServerId transaction = 0;  ///< to answer; 0 for kOwn
  Method method = Method::kInvite;
  std::uint32_t cseq = 0;
  std::uint64_t mark = 0;  ///< of the offer
  bool new_ports = false;  ///< streams were added, so a refusal must give them back
  unsigned glare_retries = 0;
  bool heard = false;        ///< a provisional response came, so CANCEL may be sent
  bool tells_pairs = false;  ///< kOwn: only names the chosen candidates, so no answer is no harm
  bool cancelled = false;    ///< `from` took its offer back and has its 487; the other side may not know yet
  ClientId asked = 0;        ///< our request, while its final response is missing
  media::CallMedia pending;
  SessionTimer session;        ///< of leg `from`, when it has its 2xx
  std::optional<Body> answer;  ///< for `from`, while the data plane is told
  Headers crossing;            ///< of the other side's 2xx
};

/// What peers are still to be offered by a re-INVITE, once nothing else is under way; by Side of who hears of it.
struct FollowUp {
  std::array<bool, 2> media{};  ///< the other side has changed
  std::array<bool, 2> pairs{};  ///< of candidates that were chosen ([MS-ICE2])

  bool is_due() const { return media[0] || media[1] || pairs[0] || pairs[1]; }
};

/// A request of ours that has no final response yet.
struct Outstanding {
  enum class Purpose : std::uint8_t { kSetup, kExchange, kRefresh, kPrack, kInfo, kBye };
  ClientId id = 0;
  Side side = Side::kB;
  Method method = Method::kInvite;
  std::uint32_t cseq = 0;
  Purpose purpose = Purpose::kSetup;
  ServerId reply_to = 0;  ///< kInfo: who waits for it, on the other side
};

/// What is remembered of a call for people, also when it failed.
struct Record {
  std::uint64_t id = 0;
  std::string dialled;  ///< request URI of A
  std::string from;     ///< as A wrote it (R42: the original when it was repaired)
  std::string to;
  WallTime began{};
  std::optional<WallTime> answered;
  std::optional<WallTime> ended;
  std::vector<routing::Step> history;
  std::string end_reason;
  std::uint16_t end_status = 0;  ///< final status to A where there was one
  std::optional<contract::SessionStats> last_stats;
};

struct Call {
  State state = State::kOpening;
  std::array<Leg, 2> leg;  ///< by Side
  Record record;

  routing::DialledUri dialled;
  std::vector<Attempt> attempts;
  std::size_t attempt = 0;
  std::uint8_t max_forwards = 70;  ///< for the next hop, before the zone's bound
  Headers invite_crossing;         ///< of A's INVITE
  std::optional<Response> best_failure;
  bool delayed = false;                          ///< A's INVITE had no SDP
  std::optional<sdp::SessionDescription> offer;  ///< of A, while targets are tried
  Calling calling;
  std::optional<Exchange> exchange;
  FollowUp follow_up;

  media::CallMedia media;
  contract::SessionId session;
  contract::Revision revision = 0;
  SessionState session_state = SessionState::kNone;
  struct RelayWait {
    contract::Revision revision = 0;
    Purpose purpose = Purpose::kOpen;
  };
  std::optional<RelayWait> relay_wait;

  bool relay_behind = false;  ///< pairs were nominated that the data plane was not told of yet
  std::set<std::pair<std::uint16_t, std::uint8_t>> consent_lost;  ///< (stream, side) without answers to checks
  std::set<std::pair<std::uint16_t, std::uint8_t>> silent;        ///< (stream, side) that timed out
  std::optional<std::uint64_t> silent_packets;  ///< received by both legs when the silence was noticed

  std::vector<Outstanding> outstanding;
  ClientId next_client = 1;

  Leg& at(Side side) { return leg[contract::index(side)]; }
  const Leg& at(Side side) const { return leg[contract::index(side)]; }
};

}  // namespace isthmus::b2bua
