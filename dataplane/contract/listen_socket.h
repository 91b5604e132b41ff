#pragma once

// Private to this folder: how the server comes to its listening socket, and who may connect.

#include <sys/types.h>

#include <optional>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::contract {

/// Takes over an inherited descriptor after checking that it is a listening unix seqpacket socket.
Result<int> adopt_listen_socket(int fd);
/// Makes one at `path`, mode 0600. A socket that nobody listens on is replaced; one that somebody does is kUnavailable.
Result<int> make_listen_socket(const std::string& path);

/// `configured`, else kPeerUidVariable, else our own effective user id.
Result<uid_t> allowed_peer(std::optional<uid_t> configured);
/// SO_PEERCRED: who connected, as the kernel knows it.
Result<uid_t> peer_uid(int fd);

/// "what: strerror" as kUnavailable, or kDenied for EACCES and EPERM.
tl::unexpected<Error> system_failure(const std::string& what, int reason);

}  // namespace isthmus::contract
