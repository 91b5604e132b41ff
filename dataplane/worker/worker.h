#pragma once

// One thread that owns its queues, its sessions' streams and their figures, and moves packets.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "dataplane/io/io.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/session/figure.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/hand_over.h"
#include "dataplane/worker/idle.h"

namespace isthmus::worker {

struct WorkerConfig {
  std::size_t index = 0;
  IdlePolicy idle = IdlePolicy::kNap;
  std::optional<unsigned> cpu;  ///< pinned there; absent: the scheduler's choice
  pipeline::PipelineConfig pipeline;
};

struct WorkerDependencies {
  io::Io& io;
  session::WorkerLink& link;
  crypto::SrtpEngine& engine;
  HandOver* hand_over = nullptr;  ///< among several workers whose io shares frames; else null
};

/// How the thread spends its turns. Written by the worker, read by any thread.
struct WorkerFigures {
  session::Figure<std::uint64_t> turns;
  session::Figure<std::uint64_t> empty_polls;
  session::Figure<std::uint64_t> naps;
  session::Figure<std::uint64_t> busy_ns;      ///< of the turns that found packets, system calls of the io included
  session::Figure<std::uint64_t> handed_over;  ///< packets that belong to other workers, put into their rings
  session::Figure<std::uint64_t> taken_over;   ///< out of the rings of others
};

class Worker {
 public:
  /// Calls of tick() in one turn; commands beyond them wait for the next turn, so that packets do not.
  static constexpr int kMaxTicksPerTurn = 16;

  Worker(const WorkerConfig& config, const WorkerDependencies& dependencies);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Main thread.
  Status start();
  /// Main thread; returns when the thread has ended.
  void stop();
  const WorkerFigures& figures() const { return figures_; }

  /// One turn of the loop; true when packets came. Called by the thread, and by tests instead of it.
  bool turn();

 private:
  void run();
  void forward(const session::Time& now);
  /// How many frames were refused.
  std::size_t send();
  void give_away();
  bool take_over();
  void prepare_thread();
  /// A stage of this turn has ended.
  void count_stage(Stage stage, std::size_t packets) {
    if (measured_) [[unlikely]]
      stage_clock_.count(link_.stages, stage, packets);
  }

  const WorkerConfig config_;
  io::Io& io_;
  session::WorkerLink& link_;
  HandOver* const hand_over_;
  Clock clock_;
  bool measured_ = false;  // this turn
  session::StageClock stage_clock_;
  io::Burst burst_;
  Given given_;
  pipeline::Pipeline pipeline_;
  WorkerFigures figures_;
  std::atomic<bool> stopping_{false};  // written by the main thread
  std::thread thread_;
};

}  // namespace isthmus::worker
