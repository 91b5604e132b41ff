#pragma once

// Everything that can happen to a call. The shell makes these; the call never asks for anything itself.

#include <cstdint>
#include <string>
#include <variant>

#include "controlplane/b2bua/dialog.h"
#include "controlplane/b2bua/signal.h"
#include "controlplane/media/call_media.h"
#include "dataplane/contract/messages.h"

namespace isthmus::b2bua {

using contract::other;
using contract::Side;

/// A server transaction of a leg, named by the shell; unique within the process.
using ServerId = std::uint64_t;
/// A client transaction of a call, named by the call; unique within the call.
using ClientId = std::uint32_t;

/// What runs out. One of each kind a side.
enum class Timer : std::uint8_t {
  kAnswer,          ///< Timer C: no final response to the INVITE sent (RFC 3261 16.6, R52: 180 s).
  kCancelled,       ///< 64*T1 after CANCEL: the INVITE counts as cancelled (RFC 3261 9.1).
  kResend2xx,       ///< Next copy of an unacknowledged 2xx (RFC 3261 13.3.1.4).
  kAck,             ///< 64*T1 without ACK (RFC 3261 13.3.1.4).
  kResendReliable,  ///< Next copy of an unacknowledged reliable 1xx (RFC 3262 3).
  kPrack,           ///< 64*T1 without PRACK.
  kRefresh,         ///< We refresh the session now (RFC 4028 7.2).
  kExpiry,          ///< The peer should have refreshed it (RFC 4028 10).
  kGlare,           ///< Our re-INVITE goes again after 491 (RFC 3261 14.1).
  kSilence,         ///< No media for another media_timeout.
};
std::string_view to_string(Timer timer);

/// The INVITE of a new call; dialog of leg A, targets and zones are already in the call.
struct Began {
  ServerId transaction = 0;
  Request invite;
};
/// A request inside a dialog, INVITE included.
struct RequestArrived {
  Side side = Side::kA;
  ServerId transaction = 0;
  Request request;
};
/// CANCEL for the INVITE `transaction`; the CANCEL itself is answered already.
struct CancelArrived {
  Side side = Side::kA;
  ServerId transaction = 0;
};
/// ACK of a 2xx.
struct AckArrived {
  Side side = Side::kA;
  Request ack;
};
struct ResponseArrived {
  Side side = Side::kA;
  ClientId transaction = 0;
  Method method = Method::kInvite;  ///< of the request it answers
  Response response;
};
/// The data plane's answer to open or update of `revision`.
struct RelayAnswered {
  contract::Revision revision = 0;
  Result<contract::SessionState> answer;
};
struct RelayClosed {
  contract::SessionId session;
  std::optional<contract::SessionStats> stats;
};
struct StatsArrived {
  std::optional<contract::SessionStats> stats;
};
/// The data plane lost all sessions.
struct RelayRestarted {};
/// The data plane has a later revision than the journal told of: it is to have the call's own again.
struct RelayOutOfStep {};
struct MediaStarted {
  Side side = Side::kA;
  std::uint16_t stream = 0;
};
struct MediaTimedOut {
  Side side = Side::kA;
  std::uint16_t stream = 0;
};
/// The far side wants a key frame of this leg's peer, who cannot be asked by RTCP.
struct PictureWanted {
  Side side = Side::kA;
  std::uint16_t stream = 0;
};
/// ICE of one stream has its pairs, or others than before: the peer's ends of them.
struct IceNominated {
  Side side = Side::kA;
  std::uint16_t stream = 0;
  SocketAddress rtp;
  std::optional<SocketAddress> rtcp{};  ///< empty where RTCP is multiplexed
  bool controlling = false;             ///< our role at the end
};
struct IceFailed {
  Side side = Side::kA;
  std::uint16_t stream = 0;
  std::string why;  ///< "no-pair, 0 of 2 pairs valid", for the record
};
/// A nominated pair stayed without an answer (RFC 7675 5.1).
struct ConsentLost {
  Side side = Side::kA;
  std::uint16_t stream = 0;
};
struct TimerFired {
  Timer timer = Timer::kAnswer;
  Side side = Side::kA;
};
/// An operator, or the end of the service, wants the call to end.
struct EndAsked {
  std::string reason;
};

using Event = std::variant<Began, RequestArrived, CancelArrived, AckArrived, ResponseArrived, RelayAnswered,
                           RelayClosed, StatsArrived, RelayRestarted, RelayOutOfStep, MediaStarted, MediaTimedOut,
                           IceNominated, IceFailed, ConsentLost, PictureWanted, TimerFired, EndAsked>;

}  // namespace isthmus::b2bua
