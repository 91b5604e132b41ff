#pragma once

// Everything that the control thread and one worker share. Changes go one way through rings, in order; what they took
// out of use is destroyed once the worker has said that it is past them (its quiescent state: the worker holds no
// pointer from one turn to the next but those in its tables). A worker that naps delays only that destruction.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/drop_reason.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/spsc_ring.h"
#include "dataplane/session/leg.h"
#include "dataplane/session/packet_trace.h"
#include "dataplane/session/stage_clock.h"

namespace isthmus::session {

/// Figures of one worker. Written by it once a burst; any thread reads.
/// received = forwarded + consumed + dropped + held; sent = forwarded + generated.
struct alignas(kCacheLine) WorkerCounters {
  Figure<std::uint64_t> received;
  Figure<std::uint64_t> received_bytes;
  Figure<std::uint64_t> forwarded;
  Figure<std::uint64_t> consumed;   ///< RTCP taken, STUN handed to the control plane
  Figure<std::uint64_t> held;       ///< at this moment
  Figure<std::uint64_t> generated;  ///< reports, feedback, injected packets
  Figure<std::uint64_t> sent;       ///< handed to the io layer (tx_refused counts what that did not take)
  Figure<std::uint64_t> sent_bytes;
  Figure<std::uint64_t> generated_lost;  ///< own packets that never became one: no buffer, no route, no address
  Figure<std::uint64_t> events_lost;     ///< the event ring was full
  Figure<std::uint64_t> feedback_lost;   ///< picture requests and NACKs over their rate or without a mapping
  std::array<Figure<std::uint64_t>, kDropReasonCount> dropped;
};

/// Media addresses of all networks in the order of the configuration, all for UDP before all for TCP; the same on both
/// sides of the link.
struct LocalAddress {
  IpAddress ip;
  std::uint16_t network = 0;
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0;  ///< inclusive
  bool tcp = false;             ///< of media over TCP; the same ports of UDP are others (R373)
};
std::vector<LocalAddress> local_addresses(std::span<const io::Network> networks);

struct Command {
  enum class Kind : std::uint8_t {
    kOpen,
    kUpdate,
    kClose,
    kForgetOldKey,
    kLatchedHop,
    kRequestPicture,
    kStopSending,
    kTrace,
    kStopTrace
  };
  Kind kind = Kind::kOpen;
  contract::Side side = contract::Side::kA;  // kForgetOldKey, kLatchedHop, kRequestPicture, kStopSending
  contract::Component component = contract::Component::kRtp;  // kLatchedHop, kStopSending
  Stream* stream = nullptr;
  const StreamConfig* config = nullptr;  // kOpen, kUpdate
  NextHop* next_hop = nullptr;           // kLatchedHop
  TraceOrder trace;                      // kTrace
};

struct Injection {
  Stream* stream = nullptr;
  contract::Side side = contract::Side::kA;
  contract::Component component = contract::Component::kRtp;
  SocketAddress destination;
  NextHop* next_hop = nullptr;
  std::uint16_t length = 0;
  std::array<std::uint8_t, contract::kMaxPacketBytes> packet;
};

struct WorkerEvent {
  enum class Kind : std::uint8_t {
    kMediaStarted,
    kMediaTimedOut,
    kSourceRefused,
    kLatched,
    kPictureWanted,
    kOneWayMedia,
    kKeyLifetimeLow
  };
  Kind kind = Kind::kMediaStarted;
  contract::Side side = contract::Side::kA;
  contract::Component component = contract::Component::kRtp;
  std::uint16_t stream = 0;
  contract::SessionId session;
  SocketAddress source;
  std::uint64_t packets = 0;                                            // kSourceRefused, kKeyLifetimeLow: those left
  contract::KeyDirection direction = contract::KeyDirection::kReceive;  // kKeyLifetimeLow
  std::optional<DropReason> cause{};                                    // kMediaTimedOut, kOneWayMedia
};

struct PuntPacket {
  contract::SessionId session;
  std::uint16_t stream = 0;
  contract::Side side = contract::Side::kA;
  contract::Component component = contract::Component::kRtp;
  SocketAddress source;
  std::uint16_t length = 0;
  std::array<std::uint8_t, contract::kMaxPacketBytes> packet;
};

struct WorkerLink {
  static constexpr std::size_t kCommands = 8192;
  static constexpr std::size_t kEvents = 4096;
  static constexpr std::size_t kPunts = 256;
  static constexpr std::size_t kInjections = 64;

  explicit WorkerLink(std::span<const io::Network> networks);

  const std::vector<LocalAddress> addresses;

  // Control thread to worker.
  io::SpscRing<Command> commands{kCommands};
  io::SpscRing<Injection> injections{kInjections};
  // Worker to control thread.
  io::SpscRing<WorkerEvent> events{kEvents};
  io::SpscRing<PuntPacket> punts{kPunts};
  /// Commands and injections that the worker is past. Written by the worker with release.
  std::atomic<std::uint64_t> commands_done{0};
  std::atomic<std::uint64_t> injections_done{0};

  /// Set by the session table before the worker starts: NextHopTable::changes().
  const std::atomic<std::uint32_t>* next_hop_changes = nullptr;

  WorkerCounters counters;  // written by the worker
  StageCounters stages;
  TraceLink trace;
};

}  // namespace isthmus::session
