#pragma once

// What the control thread keeps of a session; private to this folder.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/contract/messages.h"
#include "dataplane/session/leg.h"
#include "dataplane/session/port_pool.h"

namespace isthmus::session {

struct LegRecord {
  PortPool* pool = nullptr;
  PortPool* tcp_pool = nullptr;  // of a leg not decided yet: where it has the port of this number too
  std::uint16_t network = 0;
  std::uint16_t rtp_port = 0;
  bool keeps_pair = false;  // ICE: nominated before, and nothing about the pair changed
  std::uint32_t ssrc = 0;
  std::uint16_t initial_sequence = 0;
  std::uint32_t initial_timestamp = 0;
  std::optional<SocketAddress> remote_rtcp;  // as signalled or derived
  // Shared, because a context outlives the record that used it until its worker is past it, and passes unchanged from
  // one revision to the next. All references are the control thread's.
  std::shared_ptr<crypto::SrtpContext> receive_context;
  std::shared_ptr<crypto::SrtpContext> previous_receive_context;
  std::shared_ptr<crypto::SrtpContext> send_context;
  std::uint64_t forget_previous_ns = 0;
  std::vector<NextHopKey> hop_keys;  // of the signalled addresses
  std::array<std::optional<NextHopKey>, 2> latched_hop;

  SocketAddress local_rtp() const { return {pool->address(), rtp_port}; }
  SocketAddress local_rtcp() const {
    return {pool->address(), static_cast<std::uint16_t>(pool->is_tcp() ? rtp_port : rtp_port + 1)};
  }
};

struct StreamRecord {
  std::shared_ptr<Stream> stream;  // shared with the retired list, as above
  std::shared_ptr<const StreamConfig> config;
  std::shared_ptr<VideoLegs> video;  // the configurations share it, so it lives as long as one is in use
  std::array<LegRecord, 2> leg;
};

/// Over TCP or not, and to which address.
using InjectionPlace = std::pair<bool, IpAddress>;

struct SessionRecord {
  contract::SessionSpec spec;
  std::size_t worker = 0;
  std::uint64_t opened_ns = 0;
  std::uint64_t commands = 0;  // given to the worker when this revision was
  std::vector<StreamRecord> streams;
  std::map<InjectionPlace, NextHopKey> injection_hops;
};

}  // namespace isthmus::session
