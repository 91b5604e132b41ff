#pragma once

// sip::Message to what the call reads of it. The one place that knows which header means what.

#include <optional>

#include "controlplane/b2bua/header_table.h"
#include "controlplane/b2bua/signal.h"
#include "controlplane/sip/message.h"

namespace isthmus::b2bua {

/// Record-Route entries of one message that are kept; a longer set is refused by the caller (RFC 3261 sets no bound,
/// threat model B1 does: 64 Vias would come first).
inline constexpr std::size_t kMaxRouteSet = 32;

std::optional<Method> method_of(sip::Method method);
sip::Method sip_method_of(Method method);

Request read_request(const sip::Message& message, Dialect from, Dialect to);
Response read_response(const sip::Message& message, Dialect from, Dialect to);

/// Option tags in Require that we do not know, as an Unsupported value; empty: none (RFC 3261 8.2.2.3).
std::string unknown_required(const sip::Message& message);

}  // namespace isthmus::b2bua
