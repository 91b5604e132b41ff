#include "controlplane/app/watched_relay.h"

namespace isthmus::app {

WatchedRelay::WatchedRelay(contract::Relay& relay) : relay_(relay) {
  relay_.on_connection([this](bool connected, std::uint64_t incarnation) {
    connected_ = connected;
    if (handler_) handler_(connected, incarnation);
    for (const ConnectionHandler& watcher : watchers_) watcher(connected, incarnation);
  });
}

}  // namespace isthmus::app
