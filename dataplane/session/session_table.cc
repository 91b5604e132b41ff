#include "dataplane/session/session_table.h"

#include <algorithm>
#include <string>

#include "dataplane/contract/codec.h"
#include "dataplane/session/session_table_impl.h"

namespace isthmus::session {
namespace {

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

SocketAddress SessionTable::local_rtp(SessionId id, std::uint16_t stream, Side side) const {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end() || stream >= found->second.streams.size()) return {};
  return found->second.streams[stream].leg[index(side)].local_rtp();
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

  const InjectionPlace place{leg.pool->is_tcp(), destination.ip};
  auto hop = session.injection_hops.find(place);
  if (hop == session.injection_hops.end()) {
    if (session.injection_hops.size() >= kMaxInjectDestinations) {
      return fail(ErrorKind::kExhausted, "the session has sent to too many addresses", "destination");
    }
    const NextHopKey key{leg.network, leg.pool->address(), destination.ip, leg.pool->is_tcp()};
    impl_->hops.acquire(key);
    hop = session.injection_hops.emplace(place, key).first;
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
  if (injection.next_hop->value().valid) return impl_->inject(session.worker, injection);
  if (impl_->unrouted.size() >= kMaxUnrouted) {
    return fail(ErrorKind::kExhausted, "too many packets wait for a neighbour", "destination");
  }
  impl_->unrouted.push_back({id, 0, injection});
  return {};
}

void SessionTable::stop_sending(SessionId id, std::uint16_t stream, Side side, contract::Component component) {
  const auto found = impl_->sessions.find(id);
  if (found == impl_->sessions.end() || stream >= found->second.streams.size()) return;
  Command change;
  change.kind = Command::Kind::kStopSending;
  change.side = side;
  change.component = component;
  change.stream = found->second.streams[stream].stream.get();
  impl_->command(found->second.worker, change);
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
    impl_->traces.drain(static_cast<std::size_t>(&worker - impl_->workers.data()), worker.link->trace, now_ns);
  }
  if (!impl_->unserved.empty()) impl_->serve_tcp_ports();
  impl_->send_unrouted(now_ns);
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
                    pool.ports_in_use(), pool.ports_resting(now_ns),
                    pool.is_tcp() ? contract::LegTransport::kTcp : contract::LegTransport::kUdp});
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

contract::StageFigures SessionTable::stages(std::optional<bool> measure) {
  contract::StageFigures figures;
  for (std::size_t i = 0; i < impl_->workers.size(); ++i) {
    StageCounters& counters = impl_->workers[i].link->stages;
    if (measure) counters.wanted.store(*measure, std::memory_order_relaxed);
    figures.measuring = counters.measuring();
    contract::WorkerStages& worker = figures.workers.emplace_back();
    worker.worker = static_cast<std::uint32_t>(i);
    for (std::size_t s = 0; s < kStageCount; ++s) {
      const StageCounter& stage = counters.stage[s];
      worker.stages.push_back(
          {std::string(kStageNames[s]), stage.cycles.get(), stage.packets.get(), stage.calls.get()});
    }
  }
  return figures;
}

Result<void> SessionTable::start_trace(const contract::TraceSpec& spec, std::uint64_t now_ns) {
  const auto found = impl_->sessions.find(spec.session);
  if (found == impl_->sessions.end()) return fail(ErrorKind::kInvalidArgument, "names no open session", "session");
  const SessionRecord& session = found->second;
  if (spec.stream >= session.streams.size()) return fail(ErrorKind::kInvalidArgument, "names no stream", "stream");
  const Impl::Worker& worker = impl_->workers[session.worker];
  const auto order = impl_->traces.start(session.worker, spec, worker.link->trace, now_ns);
  if (!order) return forward_error(order);
  Command change;
  change.kind = Command::Kind::kTrace;
  change.stream = session.streams[spec.stream].stream.get();
  change.trace = *order;
  impl_->command(session.worker, change);
  return {};
}

Result<contract::TracePage> SessionTable::read_trace(SessionId id, std::uint64_t from, double cycles_per_ns) const {
  return impl_->traces.read(id, from, cycles_per_ns);
}

void SessionTable::stop_trace(SessionId id) {
  const auto worker = impl_->traces.stop(id);
  const auto found = impl_->sessions.find(id);
  if (!worker || found == impl_->sessions.end()) return;  // a session that is gone has ended its trace
  for (const StreamRecord& stream : found->second.streams) {
    Command change;
    change.kind = Command::Kind::kStopTrace;
    change.stream = stream.stream.get();
    impl_->command(*worker, change);
  }
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
  counters.push_back({"injections_unrouted", impl_->unrouted_lost});
  counters.push_back({"legs_without_tcp", impl_->legs_without_tcp});
  for (std::size_t i = 0; i < impl_->workers.size(); ++i) {
    const WorkerCounters& of = impl_->workers[i].link->counters;
    std::uint64_t dropped = 0;
    for (const auto& reason : of.dropped) dropped += reason.get();
    const std::string worker = "worker." + std::to_string(i) + ".";
    counters.push_back({worker + "sessions", impl_->workers[i].sessions});
    counters.push_back({worker + "packets_received", of.received.get()});
    counters.push_back({worker + "packets_forwarded", of.forwarded.get()});
    counters.push_back({worker + "packets_dropped", dropped});
  }
  return counters;
}

}  // namespace isthmus::session
