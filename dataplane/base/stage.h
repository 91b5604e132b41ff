#pragma once

// The stages of a worker's turn by name, for figures and traces of where the time goes.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isthmus {

/// In the order of a turn. Names travel in the contract, numbers do not.
#define ISTHMUS_STAGES(X)                                                                     \
  X(kReceive, "receive")            /* io: frames from the driver or the kernel */            \
  X(kHandOver, "hand_over")         /* rings between workers */                               \
  X(kClassify, "classify")          /* frame -> address, port, leg */                         \
  X(kAdmit, "admit")                /* source rule, budget */                                 \
  X(kUnprotect, "unprotect")        /* SRTP and SRTCP opened */                               \
  X(kMap, "map")                    /* counted; payload type, SSRC, numbers of the far leg */ \
  X(kAdapt, "adapt")                /* H.264 packed anew */                                   \
  X(kProtect, "protect")            /* SRTP closed */                                         \
  X(kTakeReports, "take_reports")   /* RTCP of peers */                                       \
  X(kPunt, "punt")                  /* STUN to the agent */                                   \
  X(kSumPayloads, "sum_payloads")   /* for the UDP checksums */                               \
  X(kWriteHeaders, "write_headers") /* Ethernet, IP, UDP */                                   \
  X(kSend, "send")                  /* io: frames to the driver or the kernel */              \
  X(kTick, "tick")                  /* commands, timers, packets of our own */

enum class Stage : std::uint8_t {
#define ISTHMUS_STAGE_ENUMERATOR(enumerator, name) enumerator,
  ISTHMUS_STAGES(ISTHMUS_STAGE_ENUMERATOR)
#undef ISTHMUS_STAGE_ENUMERATOR
};

inline constexpr std::string_view kStageNames[] = {
#define ISTHMUS_STAGE_NAME(enumerator, name) name,
    ISTHMUS_STAGES(ISTHMUS_STAGE_NAME)
#undef ISTHMUS_STAGE_NAME
};

inline constexpr std::size_t kStageCount = sizeof kStageNames / sizeof kStageNames[0];

constexpr std::size_t index(Stage stage) { return static_cast<std::size_t>(stage); }
constexpr std::string_view to_string(Stage stage) { return kStageNames[index(stage)]; }

}  // namespace isthmus
