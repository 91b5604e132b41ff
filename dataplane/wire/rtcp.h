#pragma once

// RTCP compound packets (RFC 3550 6, feedback RFC 4585 and 5104), read and written.
//
//    0                   1                   2                   3
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |V=2|P| RC/FMT  |      PT       |   length (words minus one)    |   one of the packets of a compound
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                     SSRC of the sender                        |
//   +---------------------------------------------------------------+

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace isthmus::wire {

inline constexpr std::size_t kMaxRtcpPackets = 32;   ///< of one compound
inline constexpr std::size_t kMaxReportBlocks = 31;  ///< RC has five bits
inline constexpr std::size_t kReportBlockBytes = 24;
inline constexpr std::size_t kMaxSdesBytes = 255;  ///< one item

enum class RtcpType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,  ///< RFC 4585 6.2
  kPayloadFeedback = 206,    ///< RFC 4585 6.3
  kExtendedReport = 207,     ///< RFC 3611
};

inline constexpr std::uint8_t kFormatNack = 1;  ///< of kTransportFeedback
inline constexpr std::uint8_t kFormatPli = 1;   ///< of kPayloadFeedback
inline constexpr std::uint8_t kFormatFir = 4;   ///< RFC 5104 4.3.1

/// One packet of a compound. `body` is behind the four header bytes, padding taken off.
struct RtcpPacket {
  RtcpType type{};
  std::uint8_t count = 0;  ///< RC, SC or FMT
  Bytes body;

  std::uint32_t sender_ssrc() const { return body.size() >= 4 ? load_be32(body.data()) : 0; }
};

/// RFC 3550 6.4.1, the part of a report about one source.
struct ReportBlock {
  std::uint32_t ssrc = 0;
  std::uint8_t fraction_lost = 0;         ///< of 256
  std::int32_t cumulative_lost = 0;       ///< 24 bits, signed
  std::uint32_t highest_sequence = 0;     ///< extended
  std::uint32_t jitter = 0;               ///< RTP ticks
  std::uint32_t last_sr = 0;              ///< middle 32 bits of the NTP timestamp of the last SR; 0: none
  std::uint32_t delay_since_last_sr = 0;  ///< 1/65536 s

  bool operator==(const ReportBlock&) const = default;
};

struct SenderInfo {
  std::uint64_t ntp = 0;  ///< 32.32 seconds since 1900
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;

  bool operator==(const SenderInfo&) const = default;
};

/// Walks a compound whose outer form is checked (RFC 3550 A.2): version, lengths, padding in the last packet only, at
/// most kMaxRtcpPackets. A compound that does not begin with a report is taken too (RFC 5506 reduced size).
class RtcpReader {
 public:
  /// False: malformed; nothing of it may be used.
  static bool valid(Bytes compound);

  explicit RtcpReader(Bytes compound) : rest_(compound) {}  ///< valid() has said yes
  bool next(RtcpPacket& packet);

 private:
  Bytes rest_;
};

/// Of a kSenderReport; empty when too short.
std::optional<SenderInfo> read_sender_info(const RtcpPacket& packet);
/// Block `i` of a sender or receiver report; empty when the packet has not so many (or is too short).
std::optional<ReportBlock> read_report_block(const RtcpPacket& packet, std::size_t i);

/// Media SSRC that a feedback packet is about (RFC 4585 6.1); empty when too short.
std::optional<std::uint32_t> feedback_media_ssrc(const RtcpPacket& packet);
/// Entry `i` of a generic NACK: PID << 16 | BLP (RFC 4585 6.2.1).
std::optional<std::uint32_t> read_nack(const RtcpPacket& packet, std::size_t i);
struct FirEntry {
  std::uint32_t ssrc = 0;
  std::uint8_t sequence = 0;
};
/// Entry `i` of a FIR (RFC 5104 4.3.1.1).
std::optional<FirEntry> read_fir(const RtcpPacket& packet, std::size_t i);

/// Nanoseconds since 1970 as NTP (RFC 5905 6).
constexpr std::uint64_t ntp_from_unix_ns(std::uint64_t unix_ns) {
  constexpr std::uint64_t kNtpToUnixSeconds = 2'208'988'800;
  const std::uint64_t seconds = unix_ns / 1'000'000'000 + kNtpToUnixSeconds;
  return (seconds << 32U) | (((unix_ns % 1'000'000'000) << 32U) / 1'000'000'000);
}
/// LSR form of an NTP timestamp (RFC 3550 6.4.1).
constexpr std::uint32_t ntp_middle(std::uint64_t ntp) { return static_cast<std::uint32_t>(ntp >> 16U); }

/// Writes a compound into a buffer; what does not fit makes ok() false and writes nothing more.
class RtcpWriter {
 public:
  explicit RtcpWriter(MutableBytes buffer) : buffer_(buffer) {}

  void sender_report(std::uint32_t ssrc, const SenderInfo& info, std::span<const ReportBlock> blocks);
  void receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> blocks);
  void cname(std::uint32_t ssrc, std::string_view name);  ///< SDES with one chunk, at most kMaxSdesBytes
  void bye(std::uint32_t ssrc);
  void pli(std::uint32_t sender, std::uint32_t media);
  /// `fci`: whole words, as RFC 4585 6.1 has it.
  void payload_feedback(std::uint8_t format, std::uint32_t sender, std::uint32_t media, Bytes fci);
  void fir(std::uint32_t sender, std::uint32_t media, std::uint8_t sequence);
  void nack(std::uint32_t sender, std::uint32_t media, std::span<const std::uint32_t> entries);

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }

 private:
  std::uint8_t* begin(RtcpType type, std::size_t count, std::size_t body_bytes);
  static void store_block(std::uint8_t* at, const ReportBlock& block);

  MutableBytes buffer_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace isthmus::wire
