#pragma once

// sd_notify(3) without libsystemd: one datagram to the socket that NOTIFY_SOCKET names. The planes tell the supervisor
// so, and the supervisor tells systemd.

#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus {

/// Sends `state` ("READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."). Succeeds without doing anything where nobody
/// asked to be told (NOTIFY_SOCKET is not set).
Status notify_service(std::string_view state);

}  // namespace isthmus
