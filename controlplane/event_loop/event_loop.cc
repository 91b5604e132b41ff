#include "controlplane/event_loop/event_loop.h"

#include <algorithm>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/event_loop/timer_queue.h"

namespace isthmus::event_loop {

namespace {

/// Due timers fired before sockets get their turn again.
constexpr int kTimersPerTurn = 256;

}  // namespace

/// All timers of the loop behind a single timer of the operating system, which is set again only when an earlier
/// deadline comes: transactions mostly start timers that are later than the next one due, and cancel them.
class EventLoop::AsioTimers final : public Timers {
 public:
  explicit AsioTimers(boost::asio::io_context& context) : timer_(context) {}

  TimePoint now() const override { return std::chrono::steady_clock::now(); }

  TimerId start(Duration after, Callback callback) override {
    const TimerId id = queue_.start(now() + std::max(after, Duration::zero()), std::move(callback));
    arm();
    return id;
  }

  bool cancel(TimerId timer) override { return queue_.cancel(timer); }

 private:
  void arm() {
    const auto earliest = queue_.earliest();
    if (!earliest || (armed_ && armed_for_ <= *earliest)) return;
    armed_ = true;
    armed_for_ = *earliest;
    timer_.expires_at(*earliest);  // cancels the wait that was pending
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) fire();
    });
  }

  void fire() {
    armed_ = false;
    const TimePoint limit = now();
    for (int fired = 0; fired < kTimersPerTurn; ++fired) {
      auto callback = queue_.take_due(limit);
      if (!callback) break;
      callback();
    }
    arm();
  }

  TimerQueue queue_;
  boost::asio::steady_timer timer_;
  bool armed_ = false;
  TimePoint armed_for_{};
};

EventLoop::EventLoop() : timers_(std::make_unique<AsioTimers>(context_)) {}
EventLoop::~EventLoop() = default;

Timers& EventLoop::timers() { return *timers_; }

void EventLoop::run() {
  const auto guard = boost::asio::make_work_guard(context_);
  if (context_.stopped()) context_.restart();
  context_.run();
}

void EventLoop::run_for(Duration span) {
  const auto guard = boost::asio::make_work_guard(context_);
  if (context_.stopped()) context_.restart();
  context_.run_for(span);
}

void EventLoop::stop() { context_.stop(); }

void EventLoop::post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

}  // namespace isthmus::event_loop
