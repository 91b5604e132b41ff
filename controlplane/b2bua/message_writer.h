#pragma once

// Requests and responses of ours as messages, from the dialog and what the call wants said. Via is the transaction
// layer's.

#include <string>
#include <string_view>

#include "controlplane/b2bua/actions.h"
#include "controlplane/sip/message.h"

namespace isthmus::b2bua {

/// What every message of ours on a link says.
struct Writing {
  std::string contact;     ///< URI in brackets: "<sip:192.0.2.1:5060;transport=tcp>"
  std::string user_agent;  ///< User-Agent and Server
  std::uint8_t max_forwards = 70;
};

/// Methods that we take, as an Allow value (RFC 3261 20.5).
inline constexpr std::string_view kAllow = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, OPTIONS";

/// A request in (or, for the first INVITE, towards) a dialog. `supports_100rel`: the other leg would understand it too.
sip::Message write_request(const Writing& writing, const Dialog& dialog, Method method, std::uint32_t cseq,
                           const Headers& headers, const std::optional<Body>& body, bool supports_100rel);

/// ACK of a 2xx (RFC 3261 13.2.2.4).
sip::Message write_ack(const Writing& writing, const Dialog& dialog, std::uint32_t cseq);

/// The dialog that a 2xx to our INVITE made, from the message alone: for forks and answers nobody waits for any more.
Dialog dialog_of_2xx(const sip::Message& response);

/// Adds to a response made by the transaction layer.
void complete_response(const Writing& writing, const SendResponse& action, sip::Message& response);

/// Where a request of this dialog goes first: the top route, else the remote target (RFC 3261 12.2.1.1). A name-addr's
/// brackets are taken off.
std::string next_hop_uri(const Dialog& dialog);

}  // namespace isthmus::b2bua
