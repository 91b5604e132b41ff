#pragma once

// OPTIONS to each peer of the monitored zones (R51, R260). Any answer below 500 but 408 means that the peer is there.
//
//   unknown --answer--> alive --`monitor_failures` probes without answer--> failed --answer--> alive
//   probes: every monitor_interval_s, after a miss every monitor_retry_interval_s

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/b2bua/b2bua.h"
#include "controlplane/config/control_plane.h"
#include "controlplane/event_loop/timers.h"
#include "controlplane/sip/transactions.h"
#include "controlplane/status/alarms.h"
#include "controlplane/status/gateway.h"

namespace isthmus::app {

/// Event-loop thread.
class PeerMonitor {
 public:
  struct Dependencies {
    event_loop::Timers& timers;
    RandomSource& random;
    status::Alarms& alarms;
    /// Transactions of ours; the answer comes back through on_answer() and on_silence().
    std::function<Result<sip::ClientId>(sip::Message, const sip::Target&)> send;
    std::function<std::string(sip::ListenerId)> sent_by;  ///< host and port of a listener, for Contact
    b2bua::Locate locate = b2bua::locate_numeric;
    std::function<status::WallTime()> wall_clock = [] { return std::chrono::system_clock::now(); };
  };

  /// `listeners` in the order of configuration.listeners.
  PeerMonitor(Dependencies dependencies, const config::ControlPlane& configuration,
              const std::vector<sip::ListenerId>& listeners);
  ~PeerMonitor();
  PeerMonitor(const PeerMonitor&) = delete;
  PeerMonitor& operator=(const PeerMonitor&) = delete;

  /// First probes at once.
  void start();
  /// No more probes.
  void stop();

  /// False: not one of ours.
  bool on_answer(sip::ClientId transaction, const sip::Message& response);
  bool on_silence(sip::ClientId transaction, const std::string& cause);

  /// Peers of all zones; those of zones that are not monitored stay unknown.
  std::vector<status::Peer> peers() const;

 private:
  struct Watched {
    status::Peer shown;
    std::string zone;
    config::Peer peer;
    std::vector<std::pair<sip::ListenerId, IpFamily>> listeners;  ///< to send from
    sip::Target target;                                           ///< of the last probe
    std::uint8_t hop_count = 15;
    bool monitored = false;
    unsigned misses = 0;
    std::uint32_t cseq = 0;
    std::string call_id;
    std::string from_tag;
    event_loop::TimerId timer = event_loop::kNoTimer;
  };

  void probe(std::size_t index);
  /// False: nobody knows where it is.
  bool locate(Watched& peer) const;
  void on_alive(std::size_t index);
  void on_miss(std::size_t index, const std::string& cause);
  void again(std::size_t index, event_loop::Duration after);
  sip::Message make_options(Watched& peer) const;

  Dependencies deps_;
  config::Timers settings_;
  std::string host_name_;
  std::string user_agent_;
  std::vector<Watched> peers_;
  std::unordered_map<std::uint64_t, std::size_t> probes_;  ///< by sip::ClientId
  bool running_ = false;
};

}  // namespace isthmus::app
