#pragma once

// What a request outside of a dialog must bring before it becomes a call. Pure: message and limits in, refusal out.

#include <optional>
#include <string>

#include "controlplane/b2bua/signal.h"
#include "controlplane/routing/alias.h"
#include "controlplane/sip/message.h"

namespace isthmus::b2bua {

/// A final answer given at the door.
struct Refused {
  std::uint16_t status = 400;
  std::string_view why;  ///< a literal for the log and the counters: "hop-limit"
  Headers headers{};
};

/// How a request is treated by its method, outside of a dialog and inside of one. What the table does not take is
/// refused (threat model B1).
enum class Place : std::uint8_t { kOutside, kInside };
/// The status of the refusal; 0: it is taken. BENOTIFY never gets here: it has no response.
std::uint16_t refusal_of(sip::Method method, Place place);

/// RFC 3261 8.2 in its order, for an INVITE. `agent_host` stands in Warning.
std::optional<Refused> screen_invite(const sip::Message& invite, std::string_view agent_host);

/// Require and body coding, for any request. CANCEL and ACK are never asked (RFC 3261 8.2.2.3).
std::optional<Refused> screen_extensions(const sip::Message& request);

/// Max-Forwards of the request that follows from `invite`, before the zone's bound (RFC 3261 16.6 step 3).
std::uint8_t next_max_forwards(const sip::Message& invite);

}  // namespace isthmus::b2bua
