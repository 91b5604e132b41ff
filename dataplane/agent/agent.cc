#include "dataplane/agent/agent.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/log.h"

namespace isthmus::agent {

using contract::Counter;
using contract::SessionId;
using contract::SessionSpec;
using contract::SessionState;

Agent::Agent(AgentConfig config, AgentDependencies dependencies, std::uint64_t now_ns)
    : config_(std::move(config)),
      engine_(dependencies.engine),
      table_(dependencies.table),
      workers_(std::move(dependencies.workers)),
      tcp_(dependencies.tcp),
      ice_({dependencies.random,
            [this](const IcePlace& at, const SocketAddress& to, std::span<const std::uint8_t> packet) {
              return table_.send_packet(at.session, at.stream, at.side, at.component, to, packet);
            },
            [this](const contract::Event& event) { publish(event); },
            [this](const IcePlace& at) { table_.stop_sending(at.session, at.stream, at.side, at.component); },
            [this](const IcePlace& at, const SocketAddress& remote) {
              if (tcp_ != nullptr) tcp_->confirm(table_.local_rtp(at.session, at.stream, at.side), remote);
            }}),
      read_cycles_(dependencies.read_cycles),
      first_cycles_(read_cycles_()),
      now_ns_(now_ns),
      absent_since_ns_(now_ns),
      silence_checked_ns_(now_ns) {}

void Agent::poll(std::uint64_t now_ns) {
  now_ns_ = now_ns;
  table_.poll(now_ns, [this](const contract::Event& event) {
    if (const auto* punted = std::get_if<contract::PuntEvent>(&event)) {
      ice_.take(*punted, now_ns_);
    } else {
      publish(event);
    }
  });
  ice_.poll(now_ns);
  if (server_ != nullptr) server_->release_answers();
  if (!connected_ && now_ns - absent_since_ns_ >= config_.control_plane_absent_ns &&
      now_ns - silence_checked_ns_ >= kSilenceCheckNs) {
    silence_checked_ns_ = now_ns;
    end_silent_sessions();
  }
}

void Agent::publish(const contract::Event& event) {
  if (server_ != nullptr) server_->publish(event);
}

bool Agent::quiet() const { return table_.sessions() == 0 && table_.retired() == 0; }

// Of a leg that was to be reachable over TCP too, and is not: its peer has UDP alone.
void Agent::tell_without_tcp(const SessionSpec& spec, const SessionState& state) const {
  if (tcp_ == nullptr) return;  // as configured
  for (std::size_t s = 0; s < spec.streams.size(); ++s) {
    for (const contract::Side side : {contract::Side::kA, contract::Side::kB}) {
      const bool asked = spec.streams[s].leg[index(side)].transport == contract::LegTransport::kUdpOrTcp;
      if (!asked || state.streams[s].leg[index(side)].takes_tcp) continue;
      log::warn("session.no_tcp_port",
                {{"session", spec.id.value}, {"stream", s}, {"side", side == contract::Side::kA ? "a" : "b"}});
    }
  }
}

Result<SessionState> Agent::opened(const SessionSpec& spec, Result<SessionState> state, const char* event) {
  if (state) {
    Known& known = known_[spec.id];
    if (known.revision != spec.revision) {  // the same one again changes nothing
      ice_.set(spec, now_ns_);
      tell_without_tcp(spec, *state);
    }
    known = {spec.revision, spec.media_timeout_ms};
    log::debug(event, {{"session", spec.id.value}, {"revision", spec.revision}, {"streams", spec.streams.size()}});
  } else {
    log::warn("session.refused", {{"session", spec.id.value},
                                  {"revision", spec.revision},
                                  {"operation", event},
                                  {"reason", to_string(state.error())}});
  }
  return state;
}

Result<SessionState> Agent::open(const SessionSpec& spec) {
  return opened(spec, table_.open(spec, now_ns_), "session.opened");
}

Result<SessionState> Agent::update(const SessionSpec& spec) {
  return opened(spec, table_.update(spec, now_ns_), "session.updated");
}

bool Agent::in_force(SessionId session, contract::Revision /*revision*/) { return table_.in_force(session); }

Result<contract::SessionStats> Agent::close(SessionId session) {
  known_.erase(session);
  ice_.forget(session);
  log::debug("session.closed", {{"session", session.value}});
  return table_.close(session, now_ns_);
}

Result<contract::SessionStats> Agent::stats(SessionId session) { return table_.stats(session); }

Result<contract::SessionPage> Agent::list(std::optional<SessionId> from) { return table_.list(from); }

Status Agent::send_packet(SessionId session, std::uint16_t stream, contract::Side side, contract::Component component,
                          const SocketAddress& destination, std::span<const std::uint8_t> packet) {
  return table_.send_packet(session, stream, side, component, destination, packet);
}

Status Agent::request_picture(SessionId session, std::uint16_t stream, contract::Side side) {
  return table_.request_picture(session, stream, side);
}

Result<contract::StageFigures> Agent::stages(std::optional<bool> measure) {
  contract::StageFigures figures = table_.stages(measure);
  figures.cycles_per_second = static_cast<std::uint64_t>(cycles_per_ns(first_cycles_, read_cycles_()) * 1e9);
  if (measure) log::info("stages.measuring", {{"on", *measure}});
  return figures;
}

Status Agent::start_trace(const contract::TraceSpec& spec) {
  const Status status = table_.start_trace(spec, now_ns_);
  if (status) log::info("trace.started", {{"session", spec.session.value}, {"stream", spec.stream}});
  return status;
}

Result<contract::TracePage> Agent::read_trace(SessionId session, std::uint64_t from) {
  return table_.read_trace(session, from, cycles_per_ns(first_cycles_, read_cycles_()));
}

Status Agent::stop_trace(SessionId session) {
  table_.stop_trace(session);
  return {};
}

Result<contract::DataplaneStatus> Agent::status() {
  contract::DataplaneStatus status;
  status.io_mode = to_string(engine_.mode());
  status.io_reason = config_.io_reason;
  status.srtp_engine = config_.srtp_engine;
  status.idle_policy = config_.idle_policy;
  status.started_unix_us = config_.started_unix_us;
  status.incarnation = config_.incarnation;
  status.workers = static_cast<std::uint32_t>(workers_.size());
  status.sessions = static_cast<std::uint32_t>(table_.sessions());
  status.pools = table_.pools(now_ns_);
  status.counters = counters();
  return status;
}

std::vector<Counter> Agent::counters() {
  std::vector<Counter> counters = table_.counters();
  const auto add = [&](std::string_view name, std::uint64_t value) {
    const auto at = std::find_if(counters.begin(), counters.end(), [&](const Counter& c) { return c.name == name; });
    if (at != counters.end()) {
      at->value += value;
    } else {
      counters.push_back({std::string(name), value});
    }
  };
  add_driver_losses(counters);
  if (engine_.mode() == io::Mode::kPci) {
    const io::ExceptionCounters exceptions = engine_.exceptions();
    add("io_to_kernel", exceptions.to_kernel);
    add("io_from_kernel", exceptions.from_kernel);
    add("io_to_kernel_full", exceptions.full);
    add("io_kernel_refused", exceptions.refused);
  }
  // What waits in a ring between two workers has been received, and is held. First what came out: the difference is
  // never below zero.
  std::uint64_t in_rings = 0;
  for (const auto* worker : workers_) in_rings -= worker->taken_over.get();
  for (const auto* worker : workers_) in_rings += worker->handed_over.get();
  add("packets_received", in_rings);
  add("packets_held", in_rings);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const std::string worker = "worker." + std::to_string(i) + ".";
    counters.push_back({worker + "handed_over", workers_[i]->handed_over.get()});
    counters.push_back({worker + "taken_over", workers_[i]->taken_over.get()});
    counters.push_back({worker + "busy_ns", workers_[i]->busy_ns.get()});
    add("worker_handed_over", workers_[i]->handed_over.get());
    add("worker_taken_over", workers_[i]->taken_over.get());
    add("io_left_to_kernel", engine_.io(i).counters().left_to_kernel);
    add("worker_turns", workers_[i]->turns.get());
    add("worker_empty_polls", workers_[i]->empty_polls.get());
    add("worker_naps", workers_[i]->naps.get());
    add("worker_busy_ns", workers_[i]->busy_ns.get());
  }
  if (tcp_ != nullptr) {
    add("tcp_connections", tcp_->connections());
    for (std::size_t i = 0; i < static_cast<std::size_t>(io::tcp::Count::kCounts); ++i) {
      const auto which = static_cast<io::tcp::Count>(i);
      add(io::tcp::name_of(which), tcp_->value(which));
    }
  }
  add_ice(counters);
  add("sessions_ended_alone", sessions_ended_alone_);
  if (server_ != nullptr) {
    add("contract_requests", server_->counters().requests);
    add("contract_bad_messages", server_->counters().bad_messages);
    add("contract_refused_peers", server_->counters().refused_peers);
    add("contract_events_sent", server_->counters().events_sent);
    add("contract_events_dropped", server_->counters().events_dropped);
  }
  return counters;
}

// What was lost in front of us was received by the host; what was lost behind us was not forwarded after all. Of ours
// it may have been what nobody sent us: that is what is left of it when no forwarded packet is.
void Agent::add_driver_losses(std::vector<Counter>& counters) {
  const auto figure = [&](std::string_view name) -> std::uint64_t& {
    const auto at = std::find_if(counters.begin(), counters.end(), [&](const Counter& c) { return c.name == name; });
    if (at != counters.end()) return at->value;
    return counters.emplace_back(Counter{std::string(name), 0}).value;
  };
  const auto drop = [&](DropReason reason, std::uint64_t frames) -> std::uint64_t& {
    return figure("drop_" + std::string(to_string(reason))) += frames;
  };
  const io::DriverLosses losses = engine_.driver_losses();
  std::uint64_t wrong_vlan = 0;
  std::uint64_t bad_frame = losses.bad_frame;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const io::IoCounters own = engine_.io(i).counters();
    wrong_vlan += own.wrong_vlan;
    bad_frame += own.bad_checksum;
  }
  drop(DropReason::kWrongVlan, wrong_vlan);
  drop(DropReason::kDriverMissed, losses.missed);
  drop(DropReason::kDriverBadFrame, bad_frame);
  drop(DropReason::kDriverNoBuffer, losses.no_buffer);
  figure("packets_received") += wrong_vlan + losses.missed + bad_frame + losses.no_buffer;

  for (const auto& [reason, more] :
       {std::pair{DropReason::kTxRefused, std::uint64_t{0}}, {DropReason::kTxLost, losses.unsent}}) {
    const std::uint64_t lost = drop(reason, more);
    const std::uint64_t forwarded = std::min(lost, figure("packets_forwarded"));
    figure("packets_forwarded") -= forwarded;
    drop(reason, 0) -= lost - forwarded;
    figure("generated_lost") += lost - forwarded;
    figure("packets_sent") -= std::min(lost, figure("packets_sent"));
  }
}

// What ICE refuses was handed over by a worker, which counted it as consumed; here it becomes a drop like any other, so
// that received = forwarded + consumed + dropped + held is what a reader of the status finds.
void Agent::add_ice(std::vector<Counter>& counters) const {
  const IceCounters& ice = ice_.counters();
  for (Counter& counter : counters) {
    if (counter.name == "packets_consumed") counter.value -= ice_.refused();
    if (!counter.name.starts_with("drop_")) continue;
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
      if (ice.refused[i] != 0 && counter.name.substr(5) == kDropReasonNames[i]) counter.value += ice.refused[i];
    }
  }
  counters.push_back({"ice_checks_answered", ice.checks_answered});
  counters.push_back({"ice_punted", ice.punted});
  counters.push_back({"ice_consent_requests", ice.consent_requests});
  counters.push_back({"ice_consent_answers", ice.consent_answers});
  counters.push_back({"ice_consents_lost", ice.consents_lost});
  counters.push_back({"ice_keep_alives", ice.keep_alives});
  counters.push_back({"ice_indications_received", ice.indications_received});
  counters.push_back({"ice_not_sent", ice.not_sent});
}

void Agent::control_plane_changed(bool connected) {
  connected_ = connected;
  if (connected) ice_.tell_lost();
  if (!connected) absent_since_ns_ = now_ns_;
  log::info(connected ? "contract.control_plane_here" : "contract.control_plane_gone",
            {{"sessions", table_.sessions()}});
}

// Nobody is left to ask, and no packet came for longer than the session's own limit.
void Agent::end_silent_sessions() {
  std::vector<SessionId> silent;
  for (const auto& [id, known] : known_) {
    const std::uint64_t silent_ns = now_ns_ - std::min(now_ns_, table_.last_media_ns(id));
    if (known.media_timeout_ms != 0 && silent_ns >= known.media_timeout_ms * session::kNsPerMs) silent.push_back(id);
  }
  for (const SessionId id : silent) {
    log::warn("session.ended_alone", {{"session", id.value}, {"reason", "no media and no control plane"}});
    static_cast<void>(table_.close(id, now_ns_));
    known_.erase(id);
    ice_.forget(id);
    ++sessions_ended_alone_;
  }
}

}  // namespace isthmus::agent
