#include "dataplane/session/session_table.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <map>
#include <string>

#include "dataplane/contract/codec.h"
#include "dataplane/session/session_plan.h"

namespace isthmus::session {
namespace {

using contract::SessionId;
using contract::SessionSpec;
using contract::Side;

contract::SessionState state_of(const SessionRecord& session) {
  contract::SessionState state;
  state.id = session.spec.id;
  state.revision = session.spec.revision;
  for (const StreamRecord& stream : session.streams) {
    contract::StreamState& out = state.streams.emplace_back();
    for (std::size_t i = 0; i < 2; ++i) {
      const LegRecord& leg = stream.leg[i];
      out.leg[i] = {leg.local_rtp(), leg.local_rtcp(), leg.ssrc};
    }
  }
  return state;
}

contract::SessionStats stats_of(const SessionRecord& session) {
  contract::SessionStats stats;
  stats.id = session.spec.id;
  stats.revision = session.spec.revision;
  for (std::size_t s = 0; s < session.streams.size(); ++s) {
    contract::StreamStats& out = stats.streams.emplace_back();
    out.kind = session.spec.streams[s].kind;
    for (std::size_t i = 0; i < 2; ++i) {
      out.leg[i] = read_stats(session.streams[s].stream->leg[i]);
      out.leg[i].encrypted = session.spec.streams[s].leg[i].receive_key.has_value();
    }
  }
  return stats;
}

}  // namespace

struct SessionTable::Impl {
  /// Out of use for the control thread; destroyed when the worker is past both counts.
  struct Retired {
    std::size_t worker = 0;
    std::uint64_t commands = 0;
    std::uint64_t injections = 0;
    std::vector<std::shared_ptr<const void>> objects;
    std::vector<NextHopKey> hops;
  };
  /// The control thread's side of one worker.
  struct Worker {
    WorkerLink* link = nullptr;
    std::deque<Command> waiting;  // commands that found the ring full, in order
    std::uint64_t commands = 0;   // given so far, those waiting included
    std::uint64_t injections = 0;
    std::size_t sessions = 0;
  };

  Impl(std::span<const io::Network> configured, SessionTableDependencies dependencies)
      : needs(std::move(dependencies)),
        places(local_addresses(configured)),
        hops(needs.next_hops),
        guard(needs.random.next_u64()) {
    assert(!needs.workers.empty() && needs.workers.size() <= io::kMaxWorkers);
    for (const io::Network& network : configured) networks.push_back(network.name);
    for (const LocalAddress& place : places) {
      pools.emplace_back(place.ip, place.first_port, place.last_port, needs.workers.size());
    }
    for (WorkerLink* link : needs.workers) {
      link->next_hop_changes = &hops.changes();
      workers.push_back({link, {}, 0, 0, 0});
    }
  }

  PlanContext plan_context(std::uint64_t now_ns) {
    return {pools, places, networks, needs.random, needs.engine, guard, now_ns};
  }

  Result<contract::SessionState> apply(SessionRecord* present, const SessionSpec& spec, std::uint64_t now_ns);
  Result<std::size_t> choose_worker(const SessionSpec& spec) const;
  void commit(SessionRecord& session, const SessionSpec& spec, std::vector<StreamRecord> streams);
  void remember_keys(const SessionRecord& session);
  void close(std::map<SessionId, SessionRecord>::iterator found, std::uint64_t now_ns);

  void command(std::size_t worker, const Command& command);
  void flush(Worker& worker);
  void retire(std::size_t worker, std::vector<std::shared_ptr<const void>> objects, std::vector<NextHopKey> keys);
  void free_retired(bool all);

  void forget_old_keys(std::uint64_t now_ns);
  void latched(const WorkerEvent& event);
  void drain(WorkerLink& link, const std::function<void(const contract::Event&)>& handler);

  SessionTableDependencies needs;
  std::vector<LocalAddress> places;
  std::vector<std::string> networks;
  std::vector<PortPool> pools;  // by place
  NextHopTable hops;
  IndexGuard guard;
  std::vector<Worker> workers;
  std::map<SessionId, SessionRecord> sessions;
  std::deque<Retired> retired;
  std::vector<std::pair<std::uint64_t, SessionId>> old_keys;  // when to look, and at what
};

Result<std::size_t> SessionTable::Impl::choose_worker(const SessionSpec& spec) const {
  std::optional<std::size_t> given;
  for (const contract::StreamSpec& stream : spec.streams) {
    for (const contract::LegSpec& leg : stream.leg) {
      if (leg.rtp_port == 0) continue;
      const std::size_t worker = port_class(leg.rtp_port, workers.size());
      if (given && *given != worker) {
        return fail(ErrorKind::kInvalidArgument, "the given ports belong to different workers", "rtp_port");
      }
      given = worker;
    }
  }
  if (given) return *given;
  const auto fewest = std::ranges::min_element(workers, {}, &Worker::sessions);
  return static_cast<std::size_t>(fewest - workers.begin());
}

Result<contract::SessionState> SessionTable::Impl::apply(SessionRecord* present, const SessionSpec& spec,
                                                         std::uint64_t now_ns) {
  std::size_t worker = 0;
  if (present != nullptr) {
    worker = present->worker;
  } else {
    const auto chosen = choose_worker(spec);
    if (!chosen) return forward_error(chosen);
    worker = *chosen;
  }
  Reservation reservation(hops, needs.ports, now_ns);
  auto streams = plan_streams(spec, present, worker, plan_context(now_ns), reservation);
  if (!streams) return forward_error(streams);
  if (present == nullptr) {
    present = &sessions[spec.id];
    present->worker = worker;
    present->opened_ns = now_ns;
    ++workers[worker].sessions;
  }
  reservation.commit();
  commit(*present, spec, std::move(*streams));
  return state_of(*present);
}

void SessionTable::Impl::commit(SessionRecord& session, const SessionSpec& spec, std::vector<StreamRecord> streams) {
  std::vector<std::shared_ptr<const void>> objects;
  std::vector<NextHopKey> keys;
  std::vector<StreamRecord> before = std::move(session.streams);
  session.streams = std::move(streams);
  session.spec = spec;
  for (std::size_t s = 0; s < session.streams.size(); ++s) {
    const StreamRecord& now = session.streams[s];
    Command change;
    change.kind = s < before.size() ? Command::Kind::kUpdate : Command::Kind::kOpen;
    change.stream = now.stream.get();
    change.config = now.config.get();
    command(session.worker, change);
    for (const LegRecord& leg : now.leg) {
      if (leg.previous_receive_context) old_keys.emplace_back(leg.forget_previous_ns, spec.id);
    }
  }
  for (StreamRecord& old : before) {
    objects.push_back(old.config);
    for (LegRecord& leg : old.leg) {
      for (const auto& context : {leg.receive_context, leg.previous_receive_context, leg.send_context}) {
        if (context) objects.push_back(context);
      }
      keys.insert(keys.end(), leg.hop_keys.begin(), leg.hop_keys.end());
    }
  }
  session.commands = workers[session.worker].commands;
  remember_keys(session);
  if (!before.empty()) retire(session.worker, std::move(objects), std::move(keys));
}

void SessionTable::Impl::remember_keys(const SessionRecord& session) {
  for (std::size_t s = 0; s < session.streams.size(); ++s) {
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& key = session.spec.streams[s].leg[i].send_key;
      if (key) guard.remember(*key, session.streams[s].leg[i].ssrc);
    }
  }
}

void SessionTable::Impl::close(std::map<SessionId, SessionRecord>::iterator found, std::uint64_t now_ns) {
  SessionRecord& session = found->second;
  std::vector<std::shared_ptr<const void>> objects;
  std::vector<NextHopKey> keys;
  for (StreamRecord& stream : session.streams) {
    Command change;
    change.kind = Command::Kind::kClose;
    change.stream = stream.stream.get();
    command(session.worker, change);
    objects.push_back(stream.stream);
    objects.push_back(stream.config);
    for (LegRecord& leg : stream.leg) {
      needs.ports.close_port(leg.local_rtp());
      needs.ports.close_port(leg.local_rtcp());
      leg.pool->release(leg.rtp_port, now_ns);
      for (const auto& context : {leg.receive_context, leg.previous_receive_context, leg.send_context}) {
        if (context) objects.push_back(context);
      }
      keys.insert(keys.end(), leg.hop_keys.begin(), leg.hop_keys.end());
      for (const auto& key : leg.latched_hop) {
        if (key) keys.push_back(*key);
      }
    }
  }
  for (const auto& [address, key] : session.injection_hops) keys.push_back(key);
  retire(session.worker, std::move(objects), std::move(keys));
  --workers[session.worker].sessions;
  sessions.erase(found);
}

void SessionTable::Impl::command(std::size_t worker, const Command& command) {
  Worker& to = workers[worker];
  ++to.commands;
  flush(to);
  if (!to.waiting.empty() || !to.link->commands.push(command)) to.waiting.push_back(command);
}

void SessionTable::Impl::flush(Worker& worker) {
  while (!worker.waiting.empty() && worker.link->commands.push(worker.waiting.front())) worker.waiting.pop_front();
}

void SessionTable::Impl::retire(std::size_t worker, std::vector<std::shared_ptr<const void>> objects,
                                std::vector<NextHopKey> keys) {
  retired.push_back(
      {worker, workers[worker].commands, workers[worker].injections, std::move(objects), std::move(keys)});
}

void SessionTable::Impl::free_retired(bool all) {
  const auto past = [&](const Retired& item) {
    const WorkerLink& link = *workers[item.worker].link;
    return link.commands_done.load(std::memory_order_acquire) >= item.commands &&
           link.injections_done.load(std::memory_order_acquire) >= item.injections;
  };
  // In order of retirement: one slow worker delays the memory of the others, never their work.
  while (!retired.empty() && (all || past(retired.front()))) {
    for (const NextHopKey& key : retired.front().hops) hops.release(key);
    retired.pop_front();
  }
}

void SessionTable::Impl::forget_old_keys(std::uint64_t now_ns) {
  std::vector<std::pair<std::uint64_t, SessionId>> later;
  for (const auto& [due_ns, id] : old_keys) {
    if (due_ns > now_ns) {
      later.emplace_back(due_ns, id);
      continue;
    }
    const auto found = sessions.find(id);
    if (found == sessions.end()) continue;
    for (StreamRecord& stream : found->second.streams) {
      for (const Side side : {Side::kA, Side::kB}) {
        LegRecord& leg = stream.leg[index(side)];
        if (!leg.previous_receive_context || leg.forget_previous_ns > now_ns) continue;
        Command change;
        change.kind = Command::Kind::kForgetOldKey;
        change.side = side;
        change.stream = stream.stream.get();
        command(found->second.worker, change);
        retire(found->second.worker, {std::move(leg.previous_receive_context)}, {});
        leg.previous_receive_context = nullptr;
      }
    }
  }
  old_keys = std::move(later);
}

void SessionTable::Impl::latched(const WorkerEvent& event) {
  const auto found = sessions.find(event.session);
  if (found == sessions.end() || event.stream >= found->second.streams.size()) return;
  StreamRecord& stream = found->second.streams[event.stream];
  LegRecord& leg = stream.leg[index(event.side)];
  const NextHopKey key{leg.network, leg.pool->address(), event.source.ip};
  auto& slot = leg.latched_hop[event.component == contract::Component::kRtp ? 0 : 1];
  std::optional<NextHopKey> before = slot;
  slot = key;
  Command change;
  change.kind = Command::Kind::kLatchedHop;
  change.side = event.side;
  change.component = event.component;
  change.stream = stream.stream.get();
  change.next_hop = &hops.acquire(key);
  command(found->second.worker, change);
  if (before) retire(found->second.worker, {}, {*before});
}

void SessionTable::Impl::drain(WorkerLink& link, const std::function<void(const contract::Event&)>& handler) {
  WorkerEvent event;
  for (std::size_t i = 0; i < WorkerLink::kEvents && link.events.pop(event); ++i) {
    switch (event.kind) {
      case WorkerEvent::Kind::kLatched: latched(event); break;
      case WorkerEvent::Kind::kMediaStarted:
        handler(contract::MediaStartedEvent{event.session, event.stream, event.side, event.source});
        break;
      case WorkerEvent::Kind::kMediaTimedOut:
        handler(contract::MediaTimedOutEvent{event.session, event.stream, event.side});
        break;
      case WorkerEvent::Kind::kPictureWanted:
        handler(contract::PictureWantedEvent{event.session, event.stream, event.side});
        break;
      case WorkerEvent::Kind::kSourceRefused:
        handler(contract::SourceRefusedEvent{event.session, event.stream, event.side, event.source, event.packets});
        break;
    }
  }
  PuntPacket punt;
  for (std::size_t i = 0; i < WorkerLink::kPunts && link.punts.pop(punt); ++i) {
    handler(contract::PuntEvent{punt.session,
                                punt.stream,
                                punt.side,
                                punt.component,
                                punt.source,
                                {punt.packet.begin(), punt.packet.begin() + punt.length}});
  }
}

// ---- the operations ----

SessionTable::SessionTable(std::span<const io::Network> networks, SessionTableDependencies dependencies)
    : impl_(std::make_unique<Impl>(networks, std::move(dependencies))) {}

SessionTable::~SessionTable() {
  while (!impl_->sessions.empty()) impl_->close(impl_->sessions.begin(), 0);
  impl_->free_retired(true);
}

Result<contract::SessionState> SessionTable::open(const SessionSpec& spec, std::uint64_t now_ns) {
  if (impl_->sessions.contains(spec.id)) return update(spec, now_ns);
  if (const Status valid = contract::validate(spec); !valid) return forward_error(valid);
  if (impl_->sessions.size() >= kMaxSessions) return fail(ErrorKind::kExhausted, "too many sessions", "id");
  return impl_->apply(nullptr, spec, now_ns);
}

Result<contract::SessionState> SessionTable::update(const SessionSpec& spec, std::uint64_t now_ns) {
  const auto found = impl_->sessions.find(spec.id);
  if (found == impl_->sessions.end()) return fail(ErrorKind::kInvalidArgument, "names no open session", "id");
  const contract::Revision present = found->second.spec.revision;
  if (spec.revision == present) return state_of(found->second);
  if (spec.revision < present) {
    return fail(ErrorKind::kProtocolViolation, "is lower than " + std::to_string(present), "revision");
  }
  if (const Status valid = contract::validate(spec); !valid) return forward_error(valid);
  return impl_->apply(&found->second, spec, now_ns);
}

bool SessionTable::in_force(SessionId id) const {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return true;
  const Impl::Worker& worker = impl_->workers[found->second.worker];
  return worker.link->commands_done.load(std::memory_order_acquire) >= found->second.commands;
}

contract::SessionStats SessionTable::close(SessionId id, std::uint64_t now_ns) {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return {id, 0, {}};
  contract::SessionStats last = stats_of(found->second);
  impl_->close(found, now_ns);
  return last;
}

Result<contract::SessionStats> SessionTable::stats(SessionId id) const {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return fail(ErrorKind::kInvalidArgument, "names no open session", "id");
  return stats_of(found->second);
}

contract::SessionPage SessionTable::list(std::optional<SessionId> from) const {
  contract::SessionPage page;
  auto at = from ? impl_->sessions.lower_bound(*from) : impl_->sessions.begin();
  for (; at != impl_->sessions.end() && page.sessions.size() < contract::kMaxPageSessions; ++at) {
    page.sessions.push_back({at->first, at->second.spec.revision});
  }
  if (at != impl_->sessions.end()) page.next = at->first;
  return page;
}

Result<void> SessionTable::send_packet(SessionId id, std::uint16_t stream, Side side, contract::Component component,
                                       const SocketAddress& destination, std::span<const std::uint8_t> packet) {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return fail(ErrorKind::kInvalidArgument, "names no open session", "id");
  SessionRecord& session = found->second;
  if (stream >= session.streams.size()) return fail(ErrorKind::kInvalidArgument, "names no stream", "stream");
  if (packet.empty() || packet.size() > contract::kMaxPacketBytes) {
    return fail(ErrorKind::kInvalidArgument, "is empty or longer than 1500 bytes", "packet");
  }
  const LegRecord& leg = session.streams[stream].leg[index(side)];
  if (auto good = check_destination(destination, leg.pool->address(), impl_->places, "destination"); !good) return good;
  Impl::Worker& worker = impl_->workers[session.worker];
  impl_->flush(worker);
  // Behind commands that wait, it could reach the worker before its session does.
  if (!worker.waiting.empty()) return fail(ErrorKind::kExhausted, "the worker is behind with its commands", "packet");

  auto hop = session.injection_hops.find(destination.ip);
  if (hop == session.injection_hops.end()) {
    if (session.injection_hops.size() >= kMaxInjectDestinations) {
      return fail(ErrorKind::kExhausted, "the session has sent to too many addresses", "destination");
    }
    const NextHopKey key{leg.network, leg.pool->address(), destination.ip};
    impl_->hops.acquire(key);
    hop = session.injection_hops.emplace(destination.ip, key).first;
  }
  Injection injection;
  injection.stream = session.streams[stream].stream.get();
  injection.side = side;
  injection.component = component;
  injection.destination = destination;
  injection.next_hop = &impl_->hops.acquire(hop->second);
  impl_->hops.release(hop->second);  // the session's own reference keeps it
  injection.length = static_cast<std::uint16_t>(packet.size());
  std::ranges::copy(packet, injection.packet.begin());
  if (!worker.link->injections.push(injection)) {
    return fail(ErrorKind::kExhausted, "the worker's queue of packets is full", "packet");
  }
  ++worker.injections;
  return {};
}

Result<void> SessionTable::request_picture(SessionId id, std::uint16_t stream, Side side) {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return fail(ErrorKind::kInvalidArgument, "names no open session", "id");
  const SessionRecord& session = found->second;
  if (stream >= session.streams.size()) return fail(ErrorKind::kInvalidArgument, "names no stream", "stream");
  if (session.spec.streams[stream].kind != contract::MediaKind::kVideo) {
    return fail(ErrorKind::kInvalidArgument, "is no video", "stream");
  }
  if (session.spec.streams[stream].leg[index(side)].feedback == contract::FeedbackDialect::kNone) {
    return fail(ErrorKind::kUnavailable, "the leg has no feedback by RTCP", "side");
  }
  Command change;
  change.kind = Command::Kind::kRequestPicture;
  change.side = side;
  change.stream = session.streams[stream].stream.get();
  impl_->command(session.worker, change);
  return {};
}

void SessionTable::poll(std::uint64_t now_ns, const std::function<void(const contract::Event&)>& handler) {
  for (Impl::Worker& worker : impl_->workers) {
    impl_->flush(worker);
    impl_->drain(*worker.link, handler);
  }
  if (!impl_->old_keys.empty()) impl_->forget_old_keys(now_ns);
  impl_->free_retired(false);
}

std::size_t SessionTable::sessions() const { return impl_->sessions.size(); }
std::size_t SessionTable::retired() const { return impl_->retired.size(); }

std::vector<contract::PoolUse> SessionTable::pools(std::uint64_t now_ns) const {
  std::vector<contract::PoolUse> uses;
  for (std::size_t i = 0; i < impl_->pools.size(); ++i) {
    PortPool& pool = impl_->pools[i];
    uses.push_back({impl_->networks[impl_->places[i].network], pool.address(), pool.first_port(), pool.last_port(),
                    pool.ports_in_use(), pool.ports_resting(now_ns)});
  }
  return uses;
}

std::uint64_t SessionTable::last_media_ns(SessionId id) const {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end()) return 0;
  std::uint64_t last = found->second.opened_ns;
  for (const StreamRecord& stream : found->second.streams) {
    for (const Leg& leg : stream.stream->leg) last = std::max(last, leg.receive.last_ns.get());
  }
  return last;
}

std::vector<contract::Counter> SessionTable::counters() const {
  using Member = Figure<std::uint64_t> WorkerCounters::*;
  constexpr std::pair<const char*, Member> kNamed[] = {{"packets_received", &WorkerCounters::received},
                                                       {"bytes_received", &WorkerCounters::received_bytes},
                                                       {"packets_forwarded", &WorkerCounters::forwarded},
                                                       {"packets_consumed", &WorkerCounters::consumed},
                                                       {"packets_held", &WorkerCounters::held},
                                                       {"packets_generated", &WorkerCounters::generated},
                                                       {"packets_sent", &WorkerCounters::sent},
                                                       {"bytes_sent", &WorkerCounters::sent_bytes},
                                                       {"generated_lost", &WorkerCounters::generated_lost},
                                                       {"events_lost", &WorkerCounters::events_lost},
                                                       {"feedback_lost", &WorkerCounters::feedback_lost}};
  std::vector<contract::Counter> counters;
  for (const auto& [name, member] : kNamed) {
    std::uint64_t sum = 0;
    for (const Impl::Worker& worker : impl_->workers) sum += (worker.link->counters.*member).get();
    counters.push_back({name, sum});
  }
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    std::uint64_t sum = 0;
    for (const Impl::Worker& worker : impl_->workers) sum += worker.link->counters.dropped[i].get();
    counters.push_back({"drop_" + std::string(kDropReasonNames[i]), sum});
  }
  return counters;
}

}  // namespace isthmus::session
