#pragma once

// The control plane's one loop: sockets, timers and posted work of one process on one thread.

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "controlplane/event_loop/timers.h"

namespace isthmus::event_loop {

/// All members belong to the thread that calls run(), except post() and stop().
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// For folders that own sockets.
  boost::asio::io_context& context() { return context_; }
  Timers& timers();

  /// Runs until stop(). A loop that was stopped may run again.
  void run();
  /// Runs what is ready and what becomes ready within `span`, for tests on real sockets.
  void run_for(Duration span);
  /// Any thread.
  void stop();
  /// `work` runs on the loop's thread, after the current callback. Any thread.
  void post(std::function<void()> work);

 private:
  class AsioTimers;

  boost::asio::io_context context_{1};  // one thread: no locks between handlers
  std::unique_ptr<AsioTimers> timers_;
};

}  // namespace isthmus::event_loop
