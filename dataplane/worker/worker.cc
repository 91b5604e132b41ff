#include "dataplane/worker/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "dataplane/base/log.h"

namespace isthmus::worker {
namespace {

// With the usual 50 us of slack a nap of 50 us takes 100.
constexpr unsigned long kTimerSlackNs = 1;
// On a busy host with the usual priority a worker that naps was seen to wait for its turn for 240 ms. One that never
// sleeps keeps the usual one: on a CPU that it shares it would starve SIP.
constexpr int kNappingPriority = -20;

void nap(std::uint32_t microseconds) {
  const timespec duration{0, static_cast<long>(microseconds) * 1000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
}

}  // namespace

// The whole loop: no lock, no allocation, no system call outside io and nap().
void Worker::run() {
  prepare_thread();
  Idle idle(config_.idle);
  while (!stopping_.load(std::memory_order_relaxed)) {
    const bool found = turn();
    if (const std::uint32_t microseconds = idle.nap_microseconds(found); microseconds > 0) {
      figures_.naps.add(1);
      nap(microseconds);
    }
  }
}

bool Worker::turn() {
  const session::Time now = clock_.now();
  figures_.turns.add(1);
  measured_ = link_.stages.measuring();
  if (measured_) [[unlikely]]
    stage_clock_.start();

  // Packets: from the wire, through the stages, to the wire.
  io_.receive(burst_);
  bool found = burst_.count > 0;
  if (found) count_stage(Stage::kReceive, burst_.count);  // empty polls are the worker's, not a packet's
  if (hand_over_ != nullptr) {
    if (found) give_away();
    found |= take_over();
    if (found) count_stage(Stage::kHandOver, burst_.count);
  }
  if (burst_.count > 0) forward(now);
  if (hand_over_ != nullptr) {
    // What the first burst had no room for: a worker busy with its own queue starves nobody.
    if (take_over()) forward(now);
    const io::SentForOthers sent = io_.send_for_others();
    if (sent.refused > 0) pipeline_.count_refused(sent.refused);
    found |= sent.taken > 0;
  }
  if (!found) figures_.empty_polls.add(1);

  // The control thread's commands, timers, packets of our own.
  for (int i = 0; i < kMaxTicksPerTurn; ++i) {
    const bool more = pipeline_.tick(burst_, now);
    if (burst_.count > 0) link_.counters.generated_lost.add(send());
    if (!more) break;
  }
  if (found) figures_.busy_ns.add(clock_.now().monotonic_ns - now.monotonic_ns);
  return found;
}

void Worker::forward(const session::Time& now) {
  pipeline_.run(burst_, now);
  pipeline_.count_refused(send());
}

std::size_t Worker::send() {
  if (measured_) [[unlikely]]
    stage_clock_.start();
  const std::size_t packets = burst_.count;
  const std::size_t refused = io_.send(burst_);
  count_stage(Stage::kSend, packets);
  return refused;
}

void Worker::give_away() {
  hand_over_->give(config_.index, burst_, given_);
  if (given_.frames > 0) figures_.handed_over.add(given_.frames);
  if (given_.full.count == 0) return;
  // The pipeline counts what enters it; these do not.
  link_.counters.received.add(given_.full.count);
  link_.counters.received_bytes.add(given_.full_bytes);
  link_.counters.dropped[static_cast<std::size_t>(DropReason::kHandOverFull)].add(given_.full.count);
  for (std::size_t i = 0; i < given_.full.count; ++i) io_.release(given_.full.frames[i]);
}

bool Worker::take_over() {
  const std::size_t taken = hand_over_->take(config_.index, burst_);
  if (taken > 0) figures_.taken_over.add(taken);
  return taken > 0;
}

Worker::Worker(const WorkerConfig& config, const WorkerDependencies& dependencies)
    : config_(config),
      io_(dependencies.io),
      link_(dependencies.link),
      hand_over_(dependencies.hand_over),
      pipeline_(dependencies.link, dependencies.io, dependencies.engine, config.pipeline) {}

Worker::~Worker() { stop(); }

Status Worker::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::kExhausted, std::string("no thread for a worker: ") + error.what());
  }
  return {};
}

void Worker::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void Worker::prepare_thread() {
  const std::string name = "worker-" + std::to_string(config_.index);
  pthread_setname_np(pthread_self(), name.c_str());
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  // Of this thread alone (0). Without the right to it (socket mode) the usual priority has to do.
  if (config_.idle == IdlePolicy::kNap) setpriority(PRIO_PROCESS, 0, kNappingPriority);
  if (config_.cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(*config_.cpu, &set);
    const int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (error != 0) {
      log::warn("worker.not_pinned",
                {{"worker", config_.index}, {"cpu", *config_.cpu}, {"reason", std::strerror(error)}});
    }
  }
  io_.attach_thread();
}

}  // namespace isthmus::worker
