#pragma once

// A data plane without packets behind the real contract socket: hands out ports, remembers sessions. Its own thread.

#include <poll.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "dataplane/contract/server.h"

namespace isthmus::app {

class FakeDataPlane final : private contract::Handler {
 public:
  explicit FakeDataPlane(const std::string& path) {
    contract::ServerConfig config;
    config.path = path;
    config.incarnation = 1;
    auto made = contract::Server::make(config, *this);
    if (!made) throw std::runtime_error(to_string(made.error()));
    server_ = std::move(*made);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeDataPlane() override {
    stop_ = true;
    thread_.join();
  }

  std::size_t sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
  }
  std::vector<contract::SessionSpec> specs() const {
    const std::lock_guard lock(mutex_);
    std::vector<contract::SessionSpec> all;
    for (const auto& [id, session] : sessions_) all.push_back(session.spec);
    return all;
  }

 private:
  struct Session {
    contract::SessionSpec spec;
    contract::SessionState state;
  };

  void serve() {
    while (!stop_) {
      pollfd descriptor{server_->poll_fd(), POLLIN, 0};
      if (::poll(&descriptor, 1, 20) > 0) server_->handle_ready();
    }
  }

  Result<contract::SessionState> open(const contract::SessionSpec& spec) override { return take(spec); }
  Result<contract::SessionState> update(const contract::SessionSpec& spec) override { return take(spec); }
  Result<contract::SessionState> take(const contract::SessionSpec& spec) {
    const std::lock_guard lock(mutex_);
    Session& session = sessions_[spec.id.value];
    session.spec = spec;
    session.state.id = spec.id;
    session.state.revision = spec.revision;
    while (session.state.streams.size() < spec.streams.size()) {
      contract::StreamState stream;
      for (auto& leg : stream.leg) {
        leg.local_rtp = {IpAddress::v4(127, 0, 0, 1), next_port_};
        leg.local_rtcp = {IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(next_port_ + 1)};
        leg.ssrc = next_port_;
        next_port_ = static_cast<std::uint16_t>(next_port_ + 2);
      }
      session.state.streams.push_back(stream);
    }
    return session.state;
  }
  Result<contract::SessionStats> close(contract::SessionId id) override {
    const std::lock_guard lock(mutex_);
    contract::SessionStats stats{id, 0, {}};
    if (const auto found = sessions_.find(id.value); found != sessions_.end()) {
      stats.streams.resize(found->second.spec.streams.size());
      sessions_.erase(found);
    }
    return stats;
  }
  Result<contract::SessionStats> stats(contract::SessionId id) override {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id.value);
    if (found == sessions_.end()) return fail(ErrorKind::kInvalidArgument, "unknown session");
    contract::SessionStats stats{id, found->second.spec.revision, {}};
    stats.streams.resize(found->second.spec.streams.size());
    for (std::size_t i = 0; i < stats.streams.size(); ++i) {
      stats.streams[i].kind = found->second.spec.streams[i].kind;
      stats.streams[i].leg[0].packets_received = 50;
    }
    return stats;
  }
  Result<contract::SessionPage> list(std::optional<contract::SessionId>) override {
    const std::lock_guard lock(mutex_);
    contract::SessionPage page;
    for (const auto& [id, session] : sessions_) page.sessions.push_back({{id}, session.spec.revision});
    return page;
  }
  Result<contract::DataplaneStatus> status() override {
    const std::lock_guard lock(mutex_);
    contract::DataplaneStatus status;
    status.io_mode = "fake";
    status.incarnation = 1;
    status.workers = 1;
    status.sessions = static_cast<std::uint32_t>(sessions_.size());
    return status;
  }
  Status send_packet(contract::SessionId, std::uint16_t, contract::Side, contract::Component, const SocketAddress&,
                     std::span<const std::uint8_t>) override {
    return {};
  }
  Status request_picture(contract::SessionId, std::uint16_t, contract::Side) override { return {}; }

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Session> sessions_;
  std::uint16_t next_port_ = 56000;
  std::unique_ptr<contract::Server> server_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace isthmus::app
