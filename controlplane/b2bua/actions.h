#pragma once

// What a call wants done, in order. The shell does it; a call never does anything itself.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/b2bua/events.h"

namespace isthmus::b2bua {

/// A request of ours within the leg's dialog (or the INVITE that makes it). Via, Max-Forwards, Contact, Route, From,
/// To, Call-ID, Supported and Allow are the shell's.
struct SendRequest {
  Side side = Side::kB;
  ClientId transaction = 0;
  Method method = Method::kInvite;
  std::uint32_t cseq = 0;
  std::optional<Body> body{};
  Headers headers{};              ///< ours and crossing ones, ready to write
  std::optional<Dialog> early{};  ///< PRACK: the early dialog it belongs to; else the leg's own
};
/// CANCEL of the INVITE `transaction`.
struct SendCancel {
  Side side = Side::kB;
  ClientId transaction = 0;
  Headers headers{};
};
/// ACK of a 2xx. The shell keeps it and sends it again for each copy of that 2xx.
struct SendAck {
  Side side = Side::kB;
  ClientId transaction = 0;
  std::uint32_t cseq = 0;
};
/// ACK the 2xx that this step was given and end its dialog with BYE at once: another fork (RFC 3261 13.2.2.4), or an
/// answer to an attempt that was given up. What comes back matters to nobody.
struct EndFork {
  Side side = Side::kB;
  ClientId transaction = 0;
};
struct SendResponse {
  Side side = Side::kA;
  ServerId transaction = 0;
  std::uint16_t status = 200;
  std::string reason{};  ///< empty: the usual phrase
  std::optional<Body> body{};
  Headers headers{};
  bool with_contact = false;  ///< dialog-making and target-refreshing responses carry Contact, Allow and Supported
};
/// The 2xx last sent for this server transaction, once more.
struct ResendResponse {
  Side side = Side::kA;
  ServerId transaction = 0;
};

struct OpenSession {
  contract::SessionSpec spec;
};
struct UpdateSession {
  contract::SessionSpec spec;
};
struct CloseSession {
  contract::SessionId session;
};
struct QueryStats {
  contract::SessionId session;
};
/// The peer of `side` is asked for a key frame by RTCP.
struct RequestPicture {
  contract::SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
};

/// Starts, or starts again.
struct StartTimer {
  Timer timer = Timer::kAnswer;
  Side side = Side::kA;
  std::chrono::milliseconds after{};
};
struct StopTimer {
  Timer timer = Timer::kAnswer;
  Side side = Side::kA;
};

/// Comes before the message that makes or changes a dialog.
struct WriteJournal {};
/// One line for people; `event` is a literal ("call.up").
struct Note {
  std::string_view event;
  std::string text;
};
/// The call is over; nothing of it is left to wait for.
struct Finish {};

using Action =
    std::variant<SendRequest, SendCancel, SendAck, EndFork, SendResponse, ResendResponse, OpenSession, UpdateSession,
                 CloseSession, QueryStats, RequestPicture, StartTimer, StopTimer, WriteJournal, Note, Finish>;
using Actions = std::vector<Action>;

}  // namespace isthmus::b2bua
