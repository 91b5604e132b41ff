#pragma once

// The running control plane: all parts in the order in which they need each other, from the first listener to the end.
//
//   start() --SIP, REST listen; contract connects--> ready (READY=1) --SIGTERM--> draining --no calls, or time is up-->
//   ending calls --their BYEs are answered, or kGoodbye--> run() returns

#include <chrono>
#include <memory>
#include <string>

#include "controlplane/app/options.h"
#include "controlplane/config/control_plane.h"
#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace isthmus::app {

/// The thread that calls run() is the event-loop thread.
class Process {
 public:
  /// How long the ends of calls may take at a stop: BYE and its answer over a slow link.
  static constexpr std::chrono::seconds kGoodbye{3};

  /// Listens and takes up the journal. An error says what could not be had; nothing is left running then.
  static Result<std::unique_ptr<Process>> start(const Options& options, const config::ControlPlane& configuration);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// With the port it really has.
  SocketAddress rest_address() const;
  /// Until SIGTERM or SIGINT has been obeyed.
  void run();

 private:
  class Impl;
  explicit Process(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isthmus::app
