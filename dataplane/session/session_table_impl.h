#pragma once

// The control thread's bookkeeping behind SessionTable; private to this folder.

#include <cassert>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "dataplane/session/session_plan.h"
#include "dataplane/session/session_table.h"
#include "dataplane/session/stream_traces.h"

namespace isthmus::session {

using contract::SessionId;
using contract::SessionSpec;
using contract::Side;

contract::SessionState state_of(const SessionRecord& session);

struct SessionTable::Impl {
  /// Out of use for the control thread; destroyed when the worker is past both counts.
  struct Retired {
    std::size_t worker = 0;
    std::uint64_t commands = 0;
    std::uint64_t injections = 0;
    std::vector<std::shared_ptr<const void>> objects;
    std::vector<NextHopKey> hops;
  };
  /// A packet to an address whose neighbour the kernel is still asking for.
  struct Unrouted {
    SessionId session;
    std::uint64_t until_ns = 0;  // from the first poll() on
    Injection injection;
  };
  /// A port over TCP that is served when its worker is past this count.
  struct Unserved {
    std::size_t worker = 0;
    std::uint64_t commands = 0;
    SocketAddress local;
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
        guard(needs.random.next_u64()),
        traces(needs.workers.size()) {
    assert(!needs.workers.empty() && needs.workers.size() <= io::kMaxWorkers);
    for (const io::Network& network : configured) networks.push_back(network.name);
    for (const LocalAddress& place : places) {
      pools.emplace_back(place.ip, place.first_port, place.last_port, needs.workers.size(), place.tcp);
    }
    for (WorkerLink* link : needs.workers) {
      link->next_hop_changes = &hops.changes();
      workers.push_back({link, {}, 0, 0, 0});
    }
  }

  PlanContext plan_context(std::uint64_t now_ns, contract::SessionId session) {
    return {pools, places, networks, needs.random, needs.engine, guard, now_ns, session};
  }

  Result<contract::SessionState> apply(SessionRecord* present, const SessionSpec& spec, std::uint64_t now_ns);
  Result<contract::SessionState> apply_on(std::size_t worker, SessionRecord* present, const SessionSpec& spec,
                                          std::uint64_t now_ns);
  /// In the order in which to try them; more than one where the ports are ours to choose.
  Result<std::vector<std::size_t>> choose_workers(const SessionSpec& spec) const;
  void commit(SessionRecord& session, const SessionSpec& spec, std::vector<StreamRecord> streams, std::uint64_t now_ns);
  /// Ports of `old` that are not `now`'s go back, what `now` has over TCP will be served. nullptr: there is none.
  void exchange_ports(std::size_t worker, const LegRecord* old, const LegRecord* now, std::uint64_t now_ns);
  void give_back(PortPool& pool, std::uint16_t rtp_port, std::uint64_t now_ns);
  void serve_tcp_ports();
  void remember_keys(const SessionRecord& session);
  void close(std::map<SessionId, SessionRecord>::iterator found, std::uint64_t now_ns);

  void command(std::size_t worker, const Command& command);
  void flush(Worker& worker);
  void retire(std::size_t worker, std::vector<std::shared_ptr<const void>> objects, std::vector<NextHopKey> keys);
  void free_retired(bool all);
  Result<void> inject(std::size_t worker, const Injection& injection);
  void send_unrouted(std::uint64_t now_ns);

  void forget_old_keys(std::uint64_t now_ns);
  void latched(const WorkerEvent& event);
  void drain(WorkerLink& link, const std::function<void(const contract::Event&)>& handler);

  SessionTableDependencies needs;
  std::vector<LocalAddress> places;
  std::vector<std::string> networks;
  std::vector<PortPool> pools;  // by place
  NextHopTable hops;
  IndexGuard guard;
  StreamTraces traces;
  std::vector<Worker> workers;
  std::size_t next_worker = 0;
  std::map<SessionId, SessionRecord> sessions;
  std::deque<Retired> retired;
  std::vector<Unserved> unserved;
  std::uint64_t legs_without_tcp = 0;  // that asked for it; they have UDP
  std::deque<Unrouted> unrouted;
  std::uint64_t unrouted_lost = 0;
  std::vector<std::pair<std::uint64_t, SessionId>> old_keys;  // when to look, and at what
};

}  // namespace isthmus::session
