#pragma once

// What a plane says about itself: READY=1, WATCHDOG=1, STOPPING=1, as in sd_notify(3). Anything else is passed over.

#include <sys/types.h>

#include <string_view>

namespace isthmus::supervisor {

struct Notice {
  bool ready = false;
  bool watchdog = false;
  bool stopping = false;
};

inline constexpr std::size_t kMaxNoticeBytes = 512;  ///< longer ones are passed over
inline constexpr int kMaxNoticesPerTurn = 16;

/// Lines of one datagram.
Notice parse_notice(std::string_view text);

/// Takes what waits in `socket` and came from `sender`; never waits.
Notice receive_notices(int socket, pid_t sender);

}  // namespace isthmus::supervisor
