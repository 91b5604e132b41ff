#pragma once

// From what the control plane asks for to the next state of a session, without touching the present one; private to
// this folder.

#include <span>
#include <string>

#include "dataplane/session/index_guard.h"
#include "dataplane/session/reservation.h"
#include "dataplane/session/session_record.h"

namespace isthmus::session {

/// What planning reads. All of it is the control thread's.
struct PlanContext {
  std::vector<PortPool>& pools;             // one a local address, in the order of the configuration
  const std::vector<LocalAddress>& places;  // the same order
  const std::vector<std::string>& networks;
  RandomSource& random;
  crypto::SrtpEngine& engine;
  const IndexGuard& guard;
  std::uint64_t now_ns;
  contract::SessionId session;
};

/// May the gateway send to this address? Threat model B2: nothing that is no host, and none of our own media ports.
Result<void> check_destination(const SocketAddress& remote, const IpAddress& local,
                               const std::vector<LocalAddress>& places, const std::string& field);

/// Which pool a leg belongs to; as long as it is not decided, that of UDP.
Result<std::size_t> find_pool(const contract::LegSpec& leg, const PlanContext& context, const std::string& field);

/// The next state of the session. `present` is nullptr for a new one. `reservation` holds what was taken for it.
Result<std::vector<StreamRecord>> plan_streams(const contract::SessionSpec& spec, const SessionRecord* present,
                                               std::size_t worker, const PlanContext& context,
                                               Reservation& reservation);

}  // namespace isthmus::session
