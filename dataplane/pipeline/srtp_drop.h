#pragma once

#include "dataplane/base/drop_reason.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::pipeline {

/// Of a packet that came; `result` is not kOk.
constexpr DropReason drop_reason(crypto::SrtpResult result) {
  switch (result) {
    case crypto::SrtpResult::kReplayed: return DropReason::kSrtpReplayed;
    case crypto::SrtpResult::kKeyExpired: return DropReason::kSrtpKeyExpired;
    case crypto::SrtpResult::kSsrcTableFull: return DropReason::kSsrcTableFull;
    case crypto::SrtpResult::kNoRoom: return DropReason::kTooLong;
    case crypto::SrtpResult::kMalformed: return DropReason::kRtpMalformed;
    default: return DropReason::kSrtpAuthFailed;
  }
}

}  // namespace isthmus::pipeline
