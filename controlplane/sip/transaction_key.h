#pragma once

// Which transaction a message belongs to. Inside of the folder.

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "controlplane/sip/message.h"

namespace isthmus::sip {

/// RFC 3261 17.2.3: branch, sent-by and method (ACK and CANCEL look for their INVITE with `method`); for a peer without
/// branches the older rule: request URI, From tag, Call-ID, CSeq number and Via.
std::string server_key(const Message& request, std::string_view method);
/// For the method of the request itself; ACK counts as INVITE.
std::string server_key(const Message& request);

/// RFC 3261 8.2.2.2: equal for copies of one request that came by different ways. Empty for requests within a dialog.
std::string merge_key(const Message& request);

/// RFC 3261 17.1.3: our branch and the method of CSeq.
std::string client_key(std::string_view branch, std::string_view method);

}  // namespace isthmus::sip
