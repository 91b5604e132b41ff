#pragma once

// The life of a packet on one worker: see README.md for the drawing. A worker's turn is
//
//   io.receive(burst); pipeline.run(burst, now); io.send(burst);      forwards
//   pipeline.tick(burst, now);                   io.send(burst);      commands, timers, own packets
//
// and pipeline.count_refused(n) with what send() refused.

#include <cstdint>
#include <memory>

#include "dataplane/crypto/srtp.h"
#include "dataplane/io/io.h"
#include "dataplane/session/time.h"
#include "dataplane/session/worker_link.h"

namespace isthmus::pipeline {

struct PipelineConfig {
  std::uint32_t packets_per_port_per_second = 20'000;  ///< threat model B2: budget of a media port
  std::uint32_t punts_per_port_per_second = 100;  ///< STUN towards the agent; the nominated pair has as many of its own
  std::uint64_t report_seed = 1;                  ///< spreads the RTCP timers; no secret
};

struct State;  // private to this folder

/// One worker's. All methods on the worker's thread.
class Pipeline {
 public:
  Pipeline(session::WorkerLink& link, io::Io& io, crypto::SrtpEngine& engine, const PipelineConfig& config);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Takes the frames of `burst` and leaves in it those to send (never more). The others went back to the io layer.
  void run(io::Burst& burst, const session::Time& now);
  /// Applies commands, runs timers; fills `out` (empty on entry) with packets of our own. Call it every turn, also
  /// when nothing was received; it returns at once when nothing is due. True: call it again, more is waiting.
  bool tick(io::Burst& out, const session::Time& now);
  /// What io.send() refused, so that it is counted.
  void count_refused(std::size_t frames);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace isthmus::pipeline
