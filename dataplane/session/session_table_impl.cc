// How changes reach a worker, and how what they took out of use is destroyed once it is past them.

#include "dataplane/session/session_table_impl.h"

#include <algorithm>
#include <numeric>

namespace isthmus::session {
namespace {

std::string name_of(std::optional<DropReason> cause) {
  return cause ? std::string(to_string(*cause)) : std::string("nothing_arrived");
}

}  // namespace

contract::SessionState state_of(const SessionRecord& session) {
  contract::SessionState state;
  state.id = session.spec.id;
  state.revision = session.spec.revision;
  for (const StreamRecord& stream : session.streams) {
    contract::StreamState& out = state.streams.emplace_back();
    for (std::size_t i = 0; i < 2; ++i) {
      const LegRecord& leg = stream.leg[i];
      out.leg[i] = {leg.local_rtp(), leg.local_rtcp(), leg.ssrc, leg.tcp_pool != nullptr};
    }
  }
  return state;
}

Result<std::vector<std::size_t>> SessionTable::Impl::choose_workers(const SessionSpec& spec) const {
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
  if (given) return std::vector{*given};
  std::vector<std::size_t> order(workers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // The one with the fewest; of equals the one behind the last choice, so that a quiet gateway uses all of them too.
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair(workers[i].sessions, (i + workers.size() - next_worker) % workers.size());
  });
  return order;
}

Result<contract::SessionState> SessionTable::Impl::apply(SessionRecord* present, const SessionSpec& spec,
                                                         std::uint64_t now_ns) {
  if (present != nullptr) return apply_on(present->worker, present, spec, now_ns);
  const auto chosen = choose_workers(spec);
  if (!chosen) return forward_error(chosen);
  for (std::size_t i = 0;; ++i) {
    auto state = apply_on((*chosen)[i], nullptr, spec, now_ns);
    // A class of ports may be used up while others are not.
    const bool out_of_ports = !state && state.error().kind == ErrorKind::kExhausted && state.error().field == "port";
    if (!out_of_ports || i + 1 == chosen->size()) return state;
  }
}

Result<contract::SessionState> SessionTable::Impl::apply_on(std::size_t worker, SessionRecord* present,
                                                            const SessionSpec& spec, std::uint64_t now_ns) {
  Reservation reservation(hops, needs.ports, now_ns);
  auto streams = plan_streams(spec, present, worker, plan_context(now_ns, spec.id), reservation);
  if (!streams) return forward_error(streams);
  if (present == nullptr) {
    present = &sessions[spec.id];
    present->worker = worker;
    next_worker = (worker + 1) % workers.size();
    present->opened_ns = now_ns;
    ++workers[worker].sessions;
  }
  reservation.commit();
  commit(*present, spec, std::move(*streams), now_ns);
  return state_of(*present);
}

void SessionTable::Impl::commit(SessionRecord& session, const SessionSpec& spec, std::vector<StreamRecord> streams,
                                std::uint64_t now_ns) {
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
    for (std::size_t i = 0; i < 2; ++i) {
      const LegRecord& leg = now.leg[i];
      if (leg.previous_receive_context) old_keys.emplace_back(leg.forget_previous_ns, spec.id);
      exchange_ports(session.worker, s < before.size() ? &before[s].leg[i] : nullptr, &leg, now_ns);
      const bool asked = spec.streams[s].leg[i].transport == contract::LegTransport::kUdpOrTcp;
      if (s >= before.size() && asked && leg.tcp_pool == nullptr) ++legs_without_tcp;
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

void SessionTable::Impl::give_back(PortPool& pool, std::uint16_t rtp_port, std::uint64_t now_ns) {
  close_ports(needs.ports, pool, rtp_port);
  pool.release(rtp_port, now_ns);
  if (!pool.is_tcp()) return;
  const SocketAddress local{pool.address(), rtp_port};
  std::erase_if(unserved, [&](const Unserved& one) { return one.local == local; });
}

void SessionTable::Impl::exchange_ports(std::size_t worker, const LegRecord* old, const LegRecord* now,
                                        std::uint64_t now_ns) {
  for (PortPool* pool : {old != nullptr ? old->pool : nullptr, old != nullptr ? old->tcp_pool : nullptr}) {
    const bool stays = now != nullptr && (pool == now->pool || pool == now->tcp_pool);
    if (pool != nullptr && !stays) give_back(*pool, old->rtp_port, now_ns);
  }
  const bool is_news = now != nullptr && now->pool->is_tcp() && (old == nullptr || old->pool != now->pool);
  if (is_news) unserved.push_back({worker, workers[worker].commands, now->local_rtp()});
}

void SessionTable::Impl::serve_tcp_ports() {
  std::erase_if(unserved, [&](const Unserved& one) {
    if (workers[one.worker].link->commands_done.load(std::memory_order_acquire) < one.commands) return false;
    needs.ports.serve_tcp_port(one.local);
    return true;
  });
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
      exchange_ports(session.worker, &leg, nullptr, now_ns);
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
  unrouted_lost += std::erase_if(unrouted, [&](const Unrouted& one) { return one.session == session.spec.id; });
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

Result<void> SessionTable::Impl::inject(std::size_t worker, const Injection& injection) {
  if (!workers[worker].link->injections.push(injection)) {
    return fail(ErrorKind::kExhausted, "the worker's queue of packets is full", "packet");
  }
  ++workers[worker].injections;
  return {};
}

// Each waits for its own neighbour, so one that is slow holds up nobody.
void SessionTable::Impl::send_unrouted(std::uint64_t now_ns) {
  const std::size_t waiting = unrouted.size();
  for (std::size_t i = 0; i < waiting; ++i) {
    Unrouted one = unrouted.front();
    unrouted.pop_front();
    if (one.until_ns == 0) one.until_ns = now_ns + kUnroutedNs;
    const auto session = sessions.find(one.session);
    const bool known = one.injection.next_hop->value().valid;
    if (session != sessions.end() && known && inject(session->second.worker, one.injection)) continue;
    if (now_ns >= one.until_ns) {
      ++unrouted_lost;
    } else {
      unrouted.push_back(one);
    }
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
  const NextHopKey key{leg.network, leg.pool->address(), event.source.ip, leg.pool->is_tcp()};
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
        handler(contract::MediaTimedOutEvent{event.session, event.stream, event.side, name_of(event.cause)});
        break;
      case WorkerEvent::Kind::kOneWayMedia:
        handler(contract::OneWayMediaEvent{event.session, event.stream, event.side, name_of(event.cause)});
        break;
      case WorkerEvent::Kind::kKeyLifetimeLow:
        handler(contract::KeyLifetimeLowEvent{event.session, event.stream, event.side, event.direction, event.packets});
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

}  // namespace isthmus::session
