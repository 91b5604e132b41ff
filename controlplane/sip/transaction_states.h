#pragma once

// The four state machines of RFC 3261 17 with RFC 6026, as tables: state and event give the next state and what is to
// be done. No timers, no messages here; who runs them asks only for kinds of timers:
//
//   retransmit: A (INVITE client), E (client), G (INVITE server)      only over UDP
//   timeout:    B, F (client), H (INVITE server)
//   wait:       D, K, M (client), I, J, L (server)                    D, I, J, K are zero over TCP

#include <cstdint>

namespace isthmus::sip {

enum class Machine : std::uint8_t { kInviteClient, kClient, kInviteServer, kServer };

enum class State : std::uint8_t {
  kTrying,      ///< Client: sent, nothing came ("Calling" for INVITE). Server: nothing answered; INVITE skips it.
  kProceeding,  ///< A provisional response came or went.
  kCompleted,   ///< Final response; for INVITE 300-699.
  kConfirmed,   ///< INVITE server: ACK came for 300-699.
  kAccepted,    ///< INVITE: 2xx; copies of it, and ACKs, belong to the user (RFC 6026).
  kTerminated,  ///< Gone.
};
inline constexpr int kStates = 6;

enum class Event : std::uint8_t {
  kProvisional,  ///< Response 1xx: received (client) or handed over by the user (server).
  kSuccess,      ///< 2xx
  kFailure,      ///< 300-699
  kRequest,      ///< Server: the request once more.
  kAck,          ///< INVITE server.
  kRetransmitTimer,
  kTimeoutTimer,
  kWaitTimer,
  kTransportError,
};
inline constexpr int kEvents = 9;

/// What a step asks for; any number of them.
namespace step {
inline constexpr std::uint16_t kNothing = 0;
inline constexpr std::uint16_t kPass = 1U << 0U;             ///< Message to the user.
inline constexpr std::uint16_t kSend = 1U << 1U;             ///< Server: send the user's response and keep it.
inline constexpr std::uint16_t kResend = 1U << 2U;           ///< What was sent last, if anything.
inline constexpr std::uint16_t kSendAck = 1U << 3U;          ///< INVITE client: ACK for 300-699.
inline constexpr std::uint16_t kStartRetransmit = 1U << 4U;  ///< Or start again with the next interval.
inline constexpr std::uint16_t kStopRetransmit = 1U << 5U;
inline constexpr std::uint16_t kStartTimeout = 1U << 6U;
inline constexpr std::uint16_t kStopTimeout = 1U << 7U;
inline constexpr std::uint16_t kStartWait = 1U << 8U;
inline constexpr std::uint16_t kTellTimeout = 1U << 9U;
inline constexpr std::uint16_t kTellTransportError = 1U << 10U;
inline constexpr std::uint16_t kRefused = 1U << 11U;  ///< Server: a response that cannot be sent any more.
}  // namespace step

struct Step {
  State next = State::kTerminated;
  std::uint16_t actions = step::kNothing;
  bool operator==(const Step&) const = default;
};

Step advance(Machine machine, State state, Event event);

}  // namespace isthmus::sip
