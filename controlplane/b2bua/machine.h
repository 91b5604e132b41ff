#pragma once

// The rules of a call: state and event give a new state and actions. No I/O, no clock, no memory of its own; whoever
// holds the call decides the thread.

#include <chrono>

#include "controlplane/b2bua/actions.h"
#include "controlplane/b2bua/call.h"
#include "controlplane/config/control_plane.h"
#include "dataplane/base/random.h"

namespace isthmus::b2bua {

struct Context {
  const config::ControlPlane& config;
  RandomSource& random;
  WallTime now{};
};

/// Changes `call` and says what is to be done, in order.
Actions apply(Call& call, Event event, const Context& context);

/// For a call read from the journal: what it takes to carry on. A call that was not answered yet cannot (its
/// transactions are gone) and ends.
Actions resume(Call& call, const Context& context);

}  // namespace isthmus::b2bua
