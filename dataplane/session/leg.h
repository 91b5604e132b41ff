#pragma once

// What a worker knows of a stream: two legs, each with the lines that every packet touches and the rest apart. The
// control thread makes a Stream, hands it to its worker with a command, and from then on the worker is the only writer
// of everything here but the configuration it points to, which nobody changes. Figures may be read by any thread.
//
// A packet from the peer of leg X to the peer of leg Y touches X.receive (two lines) and Y.transmit (two lines).

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/base/drop_reason.h"
#include "dataplane/contract/messages.h"
#include "dataplane/crypto/srtp.h"
#include "dataplane/session/figure.h"
#include "dataplane/session/next_hop.h"
#include "dataplane/session/time.h"
#include "dataplane/session/video_leg.h"

namespace isthmus::session {

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kMaxHeaderBytes = 14 + 40 + 8;  ///< Ethernet, IPv6, UDP
inline constexpr std::uint64_t kOldKeyNs = 10'000'000'000;   ///< DESIGN, SRTP: old receive keys live 10 s
inline constexpr std::uint8_t kNoPayloadType = 0xff;

/// What becomes of one payload type (a PayloadMap).
struct PayloadRule {
  std::uint8_t from = 0;
  std::uint8_t to = 0;
  std::uint32_t from_clock_hz = 0;
  std::uint32_t to_clock_hz = 0;
};

/// One leg of a revision. Immutable after it was made.
struct LegConfig {
  SocketAddress local_rtp;
  SocketAddress local_rtcp;
  std::uint16_t network = 0;
  bool tcp = false;  ///< media over TCP
  bool rtcp_mux = false;
  bool receive = true;
  bool send = true;
  contract::SourceRule source_rule = contract::SourceRule::kSignalled;
  std::optional<SocketAddress> remote_rtp;
  std::optional<SocketAddress> remote_rtcp;  ///< filled in: remote_rtp with rtcp_mux, port + 1 where not signalled
  NextHop* rtp_hop = nullptr;                ///< of remote_rtp
  NextHop* rtcp_hop = nullptr;
  crypto::SrtpContext* receive_context = nullptr;
  crypto::SrtpContext* previous_receive_context = nullptr;  ///< the key before; still taken for kOldKeyNs
  crypto::SrtpContext* send_context = nullptr;
  std::uint32_t ssrc = 0;
  std::uint16_t initial_sequence = 0;  ///< below 2^15 (RFC 3711 3.3.1)
  std::uint32_t initial_timestamp = 0;
  std::uint8_t dscp = 0;      ///< of what has no packet of the far peer behind it
  bool follows_dscp = false;  ///< dscp_out is by what came; else it is `dscp` everywhere
  std::array<std::uint8_t, contract::kDscpValues>
      dscp_out{};  ///< of media to the peer, by that of the far peer's packet
  std::uint8_t cname_bytes = 0;
  std::array<char, contract::kMaxCnameBytes> cname{};
  bool ice = false;         ///< STUN of the leg goes to the agent; without it there is none
  bool nominated = false;   ///< remote_rtp and remote_rtcp are ICE's chosen pairs
  bool keeps_pair = false;  ///< ... as in the revision before: a consent that was lost stays lost
  contract::SsrcRange peer_ssrcs;
  contract::FeedbackDialect feedback = contract::FeedbackDialect::kRfc4585;
  contract::VideoSpec video;         ///< how the peer of this leg packs its pictures
  std::vector<PayloadRule> payload;  ///< of packets received on this leg, for the other one; in order of `from`

  /// nullptr: no such payload type. For the long way through the map stage: the short one remembers the last.
  const PayloadRule* rule(std::uint8_t payload_type) const {
    for (const PayloadRule& rule : payload) {  // at most contract::kMaxPayloadMaps
      if (rule.from == payload_type) return &rule;
    }
    return nullptr;
  }
};

/// One stream of a revision. Immutable after it was made.
struct StreamConfig {
  contract::SessionId session;
  contract::Revision revision = 0;
  std::uint16_t stream = 0;
  contract::MediaKind kind = contract::MediaKind::kAudio;
  std::uint32_t media_timeout_ms = 0;
  std::array<LegConfig, 2> leg;
  std::shared_ptr<VideoLegs> video;  ///< shared by the revisions of a stream; nullptr: nothing to adapt
};

struct Leg;
struct Stream;

/// Who sent a packet, in a form that compares without branches: the address bytes as they lie in the header (IPv4: low
/// half, rest zero), and the port in wire order with the family above it.
struct SourceKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint32_t port_family = 0;  ///< 0: nobody

  bool equals(const SourceKey& other) const {
    return ((low ^ other.low) | (high ^ other.high) | (port_family ^ other.port_family)) == 0;
  }
  static SourceKey of(const SocketAddress& address);
  SocketAddress address() const;
};

/// Media from the peer. First line: read for each packet and seldom written, so
/// that it leaves the cache without being written back. Second line: written for each packet.
struct alignas(kCacheLine) LegReceive {
  SourceKey source;                ///< whose RTP is accepted without asking further
  std::uint8_t slow = kNotMapped;  ///< bits of Slow; any of them leaves the short way through the map stage
  Figure<std::uint8_t> payload_in{kNoPayloadType};  ///< payload type seen last ...
  std::uint8_t payload_out = 0;                     ///< ... and what it becomes
  bool old_key = false;                ///< previous_context may be asked for: else the cold line that has it stays cold
  std::uint32_t ssrc = 0;              ///< the source that is being forwarded
  std::uint32_t timestamp_offset = 0;  ///< out = in + offset (equal clocks)
  std::uint16_t sequence_offset = 0;   ///< out = in + offset, always
  std::uint8_t rtcp_mux = 0;
  std::uint8_t adapts = 0;                 ///< its media goes through the adapt stage
  crypto::SrtpContext* context = nullptr;  ///< nullptr: clear
  Leg* far = nullptr;                      ///< where its media goes

  alignas(kCacheLine) Figure<std::uint64_t> packets;  ///< accepted RTP
  Figure<std::uint64_t> bytes;                        ///< payload octets
  Figure<std::uint32_t> highest;                      ///< extended highest sequence number (RFC 3550 A.1)
  Figure<std::uint32_t> jitter_q4;                    ///< RFC 3550 A.8, sixteenths of a tick
  std::uint32_t transit = 0;                          ///< RFC 3550 A.8
  Figure<std::uint32_t> clock_hz;                     ///< of payload_in
  Figure<std::uint64_t> last_ns;                      ///< arrival of the last packet
  std::uint32_t last_timestamp_out = 0;               ///< of the last packet forwarded
  std::uint16_t highest_out = 0;                      ///< highest sequence number forwarded
  std::uint16_t padding = 0;
  std::uint32_t clock_out_hz = 0;
  std::uint32_t budget = 0;  ///< packets that may still come before the next refill

  enum Slow : std::uint8_t {
    kNotMapped = 1,  ///< nothing mapped yet, or the outgoing SSRC is a new one
    kAnnounce = 2,   ///< the next packet is worth a media-started event
    kScale = 4,      ///< the clocks of the two legs differ
    kHeld = 8,       ///< packets are dropped with direction_closed
  };
};
static_assert(sizeof(LegReceive) == 2 * kCacheLine);

/// Media to the peer. First line: header template. Second line: the rest that a packet needs.
struct alignas(kCacheLine) LegTransmit {
  std::array<std::uint8_t, kCacheLine> header{};  ///< Ethernet, IP and UDP, lengths and sums open

  alignas(kCacheLine) const NextHop* next_hop = nullptr;
  std::uint32_t next_hop_version = 0;  ///< of the copy in the template
  std::uint32_t udp_sum = 0;           ///< one's complement sum of pseudo header and ports, without lengths
  std::uint16_t ip_sum = 0;            ///< of the IPv4 header without its length
  std::uint16_t max_payload = 0;       ///< octets behind UDP that the MTU allows; 0: no next hop
  std::uint16_t io_port = 0;
  std::uint8_t header_bytes = 0;  ///< 42 or 62
  std::uint8_t state = 0;         ///< State
  std::uint32_t ssrc = 0;
  std::uint8_t follows_dscp = 0;  ///< the template has DSCP 0; each packet is marked by what it came with
  std::uint8_t last_dscp = 0;     ///< of the last packet, for our reports
  std::uint16_t unused = 0;
  crypto::SrtpContext* context = nullptr;  ///< nullptr: clear
  Figure<std::uint64_t> packets;
  Figure<std::uint64_t> bytes;  ///< payload octets

  enum State : std::uint8_t {
    kOpen = 0,       ///< packets may go
    kClosed = 1,     ///< held
    kNoAddress = 2,  ///< no remote address yet
    kNoNextHop = 3,  ///< the neighbour is not known yet
    kNoConsent = 4,  ///< the peer stopped answering (RFC 7675)
  };
};
static_assert(sizeof(LegTransmit) == 2 * kCacheLine);

/// Latching of one component (threat model B2).
struct Latch {
  SourceKey tentative;          ///< kLatchPlain: sent first, not the signalled address
  std::uint64_t opened_ns = 0;  ///< of the revision that allowed it
  bool waiting = false;         ///< may still learn
};

/// What the peer says and what we say about it (RFC 3550 6.4). Written when RTCP comes or goes.
struct LegReports {
  Figure<std::uint32_t> base;        ///< extended first sequence number (A.1)
  std::uint32_t expected_prior = 0;  ///< A.3
  std::uint64_t received_prior = 0;
  Figure<std::uint64_t> received_base;  ///< LegReceive::packets when `base` was set
  Figure<std::int64_t> lost_before;     ///< lost of sources before the present one
  std::uint64_t sent_prior = 0;         ///< LegTransmit::packets at the last report
  std::uint64_t next_report_ns = 0;
  std::uint64_t sr_arrival_ns = 0;  ///< of the last SR; 0: none
  std::uint32_t sr_ntp_middle = 0;  ///< LSR
  std::uint32_t sr_ssrc = 0;        ///< who sent that SR
  Figure<std::uint64_t> received;   ///< RTCP packets (compound) taken
  Figure<std::uint64_t> sent;
  Figure<std::int64_t> peer_lost{-1};
  Figure<double> peer_jitter_ms{-1};
  Figure<double> round_trip_ms{-1};
};

/// Requests for a picture and the like that wait to be sent to the peer.
struct LegFeedback {
  std::uint64_t last_picture_request_ns = 0;
  std::uint64_t last_wanted_event_ns = 0;
  std::uint8_t fir_sequence = 0;
  bool start_wanted = false;      ///< media to the peer can go from now on: its source is asked for a key frame
  std::uint8_t asks_left = 0;     ///< ... and so often again, since the peer may not be ready and not ask by itself
  std::uint8_t repeats_left = 0;  ///< of asks that bring no key picture
  std::uint32_t key_pictures_at_ask = 0;  ///< of the source, when it was asked last
  std::uint64_t ask_again_ns = 0;
  std::uint64_t asked_ns = 0;  ///< then
  bool pli_wanted = false;
  bool fir_wanted = false;
  std::uint8_t nack_count = 0;
  std::array<std::uint32_t, 8> nack{};  ///< PID << 16 | BLP, in the source's numbers

  // Microsoft peers: what we ask for, and what they asked last ([MS-RTP] 2.2.12).
  std::uint16_t source_request_id = 0;
  bool source_requested = false;  ///< the last request was for a picture
  bool key_frame_wanted = false;  ///< goes with the next request
  std::uint16_t pli_id = 0;
  std::optional<std::uint16_t> peer_request_id;
  Figure<std::uint32_t> peer_max_width;
  Figure<std::uint32_t> peer_max_height;
  Figure<std::uint64_t> peer_max_bit_rate;
  Figure<std::uint32_t> peer_bandwidth;  ///< bit/s that the peer estimates for our media; 0: none
};

/// How the source's numbers became ours before the present mapping, for packets that come late (RFC 3550 8.2).
struct FormerMapping {
  std::uint32_t ssrc = 0;
  std::uint16_t sequence_offset = 0;
  std::uint32_t timestamp_offset = 0;
  std::uint16_t end_out = 0;  ///< first sequence number of the mapping that replaced it
  std::uint64_t until_ns = 0;
};

/// Clock conversion of the present mapping (only where the clocks differ).
struct ClockScale {
  bool used = false;
  std::uint32_t last_in = 0;
  std::int64_t ticks_in = 0;  ///< since base_out
  std::uint32_t base_out = 0;
  std::uint32_t from_hz = 0;
  std::uint32_t to_hz = 0;
};

struct Leg {
  LegReceive receive;
  LegTransmit transmit;

  // Cold from here on.
  Stream* stream = nullptr;
  const LegConfig* config = nullptr;
  contract::Side side = contract::Side::kA;
  bool media_timed_out = false;  ///< event sent, and silent since
  bool one_way_told = false;
  std::uint64_t one_way_since_ns = 0;  ///< the far leg flows and this one does not; 0: not so
  bool first_mapping = true;           ///< nothing was ever sent with this transmit SSRC
  std::uint64_t opened_ns = 0;         ///< of the last change that could start media again
  SourceKey rtcp_source;
  std::array<Latch, 2> latch;  ///< by Component - 1
  SourceKey transmit_rtp;      ///< addresses in use; they may have been latched
  SourceKey transmit_rtcp;
  const NextHop* rtcp_hop = nullptr;
  std::array<const NextHop*, 2> latched_hops{};  ///< by Component - 1: the agent's answers for latched addresses
  NextHopValue latched_hop;                      ///< where the latched packet came from, until the agent knows better
  std::array<bool, 2> consent_lost{};            ///< by Component - 1
  std::uint32_t punt_budget = 0;                 ///< STUN from anywhere
  std::uint32_t pair_punt_budget = 0;  ///< STUN from the nominated pair, so that a flood does not cost it its consent
  crypto::SrtpContext* previous_context = nullptr;
  std::uint64_t previous_until_ns = 0;
  LegReports reports;
  LegFeedback feedback;
  FormerMapping former;
  VideoLeg* video = nullptr;  ///< while receive.adapts
  ClockScale scale;
  std::uint64_t keys_looked_ns = 0;
  std::array<std::uint64_t, 2> key_low_told_ns{};  ///< by contract::KeyDirection; 0: not low
  bool traced = false;                             ///< its peer's packets are being followed
  Figure<std::uint64_t> drops;
  std::uint64_t media_drop_ns = 0;  ///< last drop that was no STUN ...
  DropReason media_drop_reason{};   ///< ... and why
  Figure<std::uint64_t> refused;    ///< by the source rule
  std::uint64_t refused_reported = 0;
  std::uint64_t refused_event_ns = 0;
  SourceKey refused_source;
  // The address in use as other threads read it: {low, high, port_family}, version odd while it is written.
  std::atomic<std::uint32_t> remote_version{0};
  std::array<std::atomic<std::uint64_t>, 3> remote{};
};

struct Stream {
  std::array<Leg, 2> leg;
  const StreamConfig* config = nullptr;
  bool open = false;
  std::uint32_t place = 0;  ///< in the worker's list
};

/// Worker: makes the transmit address known to readers of the statistics.
void publish_remote(Leg& leg, const SourceKey& remote);
/// Any thread.
std::optional<SocketAddress> read_remote(const Leg& leg);
/// Any thread: expected minus received of all sources so far (RFC 3550 A.3); negative with duplicates.
std::int64_t packets_lost(const Leg& leg);
/// Any thread; `encrypted` is left to who knows the configuration.
contract::LegStats read_stats(const Leg& leg);

}  // namespace isthmus::session
