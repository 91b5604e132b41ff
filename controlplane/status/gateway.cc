#include "controlplane/status/gateway.h"

namespace isthmus::status {

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::kUnknown: return "unknown";
    case PeerState::kAlive: return "alive";
    case PeerState::kFailed: return "failed";
  }
  return "unknown";
}

}  // namespace isthmus::status
