#include "controlplane/app/standing_alarms.h"

#include <fmt/format.h>

#include "controlplane/status/pool_watch.h"

namespace isthmus::app {

using status::Severity;

StandingAlarms::StandingAlarms(status::Alarms& alarms, WatchedRelay& relay, const b2bua::B2bua& calls,
                               event_loop::Timers& timers)
    : alarms_(alarms), relay_(relay), calls_(calls), timers_(timers) {
  relay_.watch([this, alive = std::weak_ptr<bool>(here_)](bool, std::uint64_t) {
    if (!alive.expired()) look();
  });
}

StandingAlarms::~StandingAlarms() { timers_.cancel(timer_); }

void StandingAlarms::start() {
  const config::ControlPlane& config = calls_.configuration();
  for (const config::Zone& zone : config.zones) {
    if (!zone.keys_over_clear) continue;
    alarms_.raise(status::kKeysOverClear, zone.name, Severity::kWarning,
                  "SRTP keys of this zone cross links without TLS and can be read on the way; for laboratories only: "
                  "set zone.keys_over_clear = false");
  }
  if (config.trusted_hosts.size() > config.limits.trusted_hosts_advisory) {
    alarms_.raise(status::kTrustedHostsMany, "", Severity::kInfo,
                  fmt::format("{} trusted hosts, more than the advised {}", config.trusted_hosts.size(),
                              config.limits.trusted_hosts_advisory));
  }
  timer_ = timers_.start(kGrace, [this] { look(); });
}

void StandingAlarms::look() {
  timers_.cancel(timer_);
  timer_ = timers_.start(kLookEvery, [this] { look(); });
  const std::uint32_t limit = calls_.configuration().limits.max_calls;
  if (calls_.calls() >= limit) {
    alarms_.raise(status::kCallLimitReached, "", Severity::kWarning,
                  fmt::format("{} calls are up, as many as limits.max_calls lets in; new ones get 503", limit));
  } else {
    alarms_.clear(status::kCallLimitReached);
  }
  look_at_keys();
  if (!relay_.connected()) {
    alarms_.raise(status::kDataPlaneAway, "", Severity::kCritical,
                  "no data plane is connected: new calls get 503; does isthmus-dataplane run");
    return;
  }
  alarms_.clear(status::kDataPlaneAway);
  relay_.status([this, alive = std::weak_ptr<bool>(here_)](const Result<contract::DataplaneStatus>& status) {
    if (!alive.expired() && status) status::watch_pools(status->pools, alarms_);
  });
}

/// One alarm a key, until it is replaced or its stream ends.
void StandingAlarms::look_at_keys() {
  std::set<std::string> low;
  for (const b2bua::B2bua::LowKey& key : calls_.low_keys()) {
    const bool theirs = key.told.direction == contract::KeyDirection::kReceive;
    const char* party = key.told.side == contract::Side::kA ? "caller" : "callee";
    const std::string subject =
        fmt::format("{} stream {} {} {}", key.call, key.told.stream, party, theirs ? "receive" : "send");
    alarms_.raise(status::kKeyLifetimeLow, subject, Severity::kWarning,
                  fmt::format("the key of SRTP {} the {} carries {} more packets, then they are dropped; a re-INVITE "
                              "with new keys from either side renews it",
                              theirs ? "from" : "to", party, key.told.packets_left));
    low.insert(subject);
  }
  for (const std::string& subject : low_keys_) {
    if (!low.contains(subject)) alarms_.clear(status::kKeyLifetimeLow, subject);
  }
  low_keys_ = std::move(low);
}

}  // namespace isthmus::app
