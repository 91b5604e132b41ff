#pragma once

// One worker's pipeline, seen by its stages. Private to this folder.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/base/drop_reason.h"
#include "dataplane/contract/key_lifetime.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/pipeline/tables.h"
#include "dataplane/pipeline/trace.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::pipeline {

/// One received packet on its way. Stages keep the packets of a batch in the order of their frames.
struct alignas(64) Packet {
  std::uint8_t* payload = nullptr;  ///< of UDP: the RTP or RTCP header
  session::Leg* leg = nullptr;      ///< whose port it came to
  session::SourceKey source;
  std::uint32_t sum = 0;     ///< of the payload's words, as it leaves
  std::uint16_t length = 0;  ///< of the payload
  std::uint16_t octets = 0;  ///< of media: without header and padding (map stage)
  std::uint8_t frame = 0;    ///< place in the burst
  bool rtcp_port = false;    ///< came to the odd port
  bool latch = false;        ///< if it authenticates, its source becomes the transmit address
  bool generated = false;    ///< made by the adapt stage, beside what was received
  std::uint8_t dscp = 0;     ///< as it came
};
static_assert(sizeof(Packet) == 64);

/// Writable bytes behind the payload; padding behind the IP packet is room as well.
inline std::uint16_t room_behind(const io::Frame& frame, const Packet& packet) {
  const std::uint8_t* end = frame.data + frame.length + frame.tailroom;
  return static_cast<std::uint16_t>(end - (packet.payload + packet.length));
}

struct Batch {
  std::array<Packet, io::kBurstSize> packets;
  std::size_t count = 0;
  bool secured_in = false;   ///< one of them at least comes on a secured leg (admit stage)
  bool secured_out = false;  ///< ... leaves on one (map stage)
  bool adapts = false;       ///< ... goes through the adapt stage (map stage)

  Packet& add() { return packets[count++]; }
};

/// Moments of the present burst.
struct BurstTime {
  session::Time now;
  std::uint32_t seconds = 0;   ///< monotonic
  std::uint64_t fraction = 0;  ///< of a second, 32 bits

  static BurstTime of(const session::Time& now) {
    const std::uint64_t rest = now.monotonic_ns % session::kNsPerSecond;
    return {now, static_cast<std::uint32_t>(now.monotonic_ns / session::kNsPerSecond),
            (rest << 32U) / session::kNsPerSecond};
  }
  /// The moment in ticks of an RTP clock, modulo 2^32.
  std::uint32_t ticks(std::uint32_t clock_hz) const {
    return seconds * clock_hz + static_cast<std::uint32_t>((clock_hz * fraction) >> 32U);
  }
};

inline constexpr std::uint64_t kScanNs = 100 * session::kNsPerMs;          ///< each leg is looked at this often
inline constexpr std::uint64_t kLatchPlainNs = 3 * session::kNsPerSecond;  // threat model B2
inline constexpr std::uint64_t kPathChangeNs = 2 * session::kNsPerSecond;  // after nomination; see takes_other_paths()
inline constexpr std::uint64_t kOneWayNs = 3500 * session::kNsPerMs;       // with kFlowsNs: told within 5 s (R82)
inline constexpr std::uint64_t kFlowsNs = session::kNsPerSecond;           // the other direction: heard this long ago
inline constexpr std::uint64_t kRefusedEventNs = session::kNsPerSecond;    // contract: one a second a leg
inline constexpr std::uint64_t kPictureRequestNs = 500 * session::kNsPerMs;    // threat model B2: 2/s
inline constexpr std::uint64_t kPictureWantedEventNs = session::kNsPerSecond;  // contract: one a second a leg
inline constexpr std::uint64_t kKeyLookNs = session::kNsPerSecond;  ///< so often is looked at how far keys are used up
inline constexpr std::uint64_t kKeyLowPackets = std::uint64_t{1} << 20U;  ///< contract: KeyLifetimeLowEvent
inline constexpr std::uint64_t kKeyLowShare = 8;
inline constexpr std::uint64_t kKeyLowAgainNs = contract::kKeyLowRepeatSeconds * session::kNsPerSecond;
inline constexpr std::uint64_t kLatePacketNs = 500 * session::kNsPerMs;
inline constexpr std::uint16_t kMaxDropout = 3000;  // RFC 3550 A.1
inline constexpr std::size_t kMaxUrgent = 64;
inline constexpr std::size_t kAdaptedPackets =
    1024;                                      ///< that wait for the next tick; a burst makes some more than it had
inline constexpr std::uint8_t kStartAsks = 3;  ///< key frames wanted again after a start
inline constexpr std::uint64_t kStartAskNs = 1500 * session::kNsPerMs;
inline constexpr std::uint8_t kAskRepeats = 6;  ///< of all asks together, where no key picture comes
inline constexpr std::uint64_t kAskRepeatNs = 500 * session::kNsPerMs;  ///< and the first of a start
inline constexpr std::uint64_t kHeldNs = 20 * session::kNsPerMs;  ///< a picture whose end does not come waits no longer

struct State {
  State(session::WorkerLink& worker_link, io::Io& worker_io, crypto::SrtpEngine& srtp, const PipelineConfig& wanted);

  session::WorkerLink& link;
  io::Io& io;
  crypto::SrtpEngine& engine;
  const PipelineConfig config;
  const std::uint32_t packet_budget;  // a port, between two scans
  const std::uint32_t punt_budget;
  Tables tables;
  const session::NextHop no_hop;  // never valid, never changes
  const bool avx512 = wire::has_avx512();
  const wire::SumFunction sum = wire::fastest_sum();
  const std::uint64_t ports_with_sums;  // io ports whose device makes the UDP checksums
  BurstTime time;
  std::uint64_t random;

  std::uint32_t next_hop_changes = 0;  // seen so far

  std::vector<session::Stream*> streams;           // capacity for all there can ever be
  std::size_t scan_at = 0;                         // next leg to look at: stream * 2 + side
  std::uint64_t scan_ns = 0;                       // when it was looked at
  std::array<session::Leg*, kMaxUrgent> urgent{};  // feedback waits to be sent
  std::size_t urgent_count = 0;

  std::vector<session::Leg*> adapted_legs;   // of `adapted`, by place
  std::vector<session::HeldPacket> adapted;  // what the adapt stage made, in order; capacity kAdaptedPackets
  std::size_t adapted_at = 0;                // next one to send
  std::uint64_t held = 0;                    // received packets in `adapted` and in pictures

  Batch rtp;
  Batch rtcp;
  Batch stun;

  session::StageClock clock;  // runs while somebody looks
  Trace trace;

  // ---- what stages share ----
  void count_drop(DropReason reason) { link.counters.dropped[static_cast<std::size_t>(reason)].add(1); }
  void drop_frame(const io::Frame& frame, DropReason reason) {
    count_drop(reason);
    io.release(frame);
  }
  void drop(io::Burst& burst, const Packet& packet, DropReason reason) {
    if (packet.leg->traced) [[unlikely]]
      trace_drop(*this, burst, packet, reason);
    if (packet.generated) [[unlikely]] {  // was never received, so it is not dropped
      link.counters.generated_lost.add(1);
      io.release(burst.frames[packet.frame]);
      return;
    }
    packet.leg->drops.add(1);
    if (reason < DropReason::kStunNotExpected || reason > DropReason::kPuntBudget) {
      packet.leg->media_drop_ns = time.now.monotonic_ns;
      packet.leg->media_drop_reason = reason;
    }
    drop_frame(burst.frames[packet.frame], reason);
  }
  void consume(io::Burst& burst, const Packet& packet) {
    link.counters.consumed.add(1);
    io.release(burst.frames[packet.frame]);
  }
  std::uint32_t next_random() {
    random = random * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX; spreads timers, nothing else
    return static_cast<std::uint32_t>(random >> 32U);
  }
  void event(const session::WorkerEvent& event) {
    if (!link.events.push(event)) link.counters.events_lost.add(1);
  }
};

// ---- the stages, in order; each takes a whole batch and keeps what goes on ----

/// Fills state.rtp, state.rtcp and state.stun from the burst.
void classify(State& state, io::Burst& burst);
/// Source rule, budget, direction.
void admit(State& state, io::Burst& burst, Batch& batch);
/// Opens SRTP and SRTCP in place.
void unprotect(State& state, io::Burst& burst, Batch& batch, bool rtcp);
/// Counts what came and writes the outgoing RTP header fields.
void map(State& state, io::Burst& burst);
/// H.264 <-> X-H264UC and packet sizes: takes what has to be changed out of the batch; send_adapted() goes on with it.
void adapt(State& state, io::Burst& burst);
/// Closes SRTP in place.
void protect(State& state, io::Burst& burst);
/// Sums for the UDP checksums.
void sum_payloads(State& state);
/// Writes Ethernet, IP and UDP in front; `burst` holds the frames to send afterwards.
void write_headers(State& state, io::Burst& burst);

/// RTCP ends here.
void take_reports(State& state, io::Burst& burst);
/// STUN goes to the agent.
void punt(State& state, io::Burst& burst);

// ---- beside the stages ----

/// Once a burst: takes over next hops that have moved.
void follow_next_hops(State& state);
/// What the adapt stage has made becomes the batch of the stages that are left, as much as fits into `out`. True: there
/// is more.
bool take_adapted(State& state, io::Burst& out);
/// A picture that waits for its end too long goes out; with `closing` it is dropped.
void let_go(State& state, session::Leg& leg, bool closing);
/// Applies what the control thread has changed. True: more is waiting.
bool apply_commands(State& state);
/// Timers of some legs; adds reports and feedback to `out` while there is room.
void scan(State& state, io::Burst& out);
void send_feedback(State& state, io::Burst& out);
void inject(State& state, io::Burst& out);

}  // namespace isthmus::pipeline
