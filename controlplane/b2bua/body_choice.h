#pragma once

// Which body of a message is the session description, and what is answered where there is none that we can take.

#include <optional>

#include "controlplane/b2bua/signal.h"
#include "controlplane/sip/message.h"

namespace isthmus::b2bua {

/// Bodies that we take, as an Accept value (RFC 3261 20.1).
inline constexpr std::string_view kAcceptedBodies =
    "application/sdp, multipart/alternative, multipart/mixed, multipart/related";

struct BodyChoice {
  std::optional<Body> body;            ///< the description of a body in several parts; else the body as it came
  std::optional<BodyRefusal> refused;  ///< no description in it
};
BodyChoice choose_body(const sip::Message& message);

/// For a body that should be a description and is not, by its type.
BodyRefusal refusal_of_type(std::string_view content_type);

}  // namespace isthmus::b2bua
