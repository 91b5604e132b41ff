#include "dataplane/wire/rtcp.h"

#include <algorithm>

namespace isthmus::wire {
namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kSenderInfoBytes = 20;
constexpr std::size_t kFeedbackBytes = 8;  // SSRC of the sender, SSRC of the media

std::size_t packet_bytes(Bytes at) { return 4U * (std::size_t{load_be16(at.data() + 2)} + 1); }

}  // namespace

bool RtcpReader::valid(Bytes compound) {
  if (compound.empty()) return false;
  for (std::size_t i = 0; !compound.empty(); ++i) {
    if (i == kMaxRtcpPackets || compound.size() < kHeaderBytes) return false;
    if ((compound[0] >> 6U) != 2 || compound[1] < 192 || compound[1] > 223) return false;
    const std::size_t bytes = packet_bytes(compound);
    if (bytes > compound.size()) return false;
    if ((compound[0] & 0x20U) != 0) {
      // Padding ends the compound (RFC 3550 6.4.1); its last byte counts it, itself included.
      const std::size_t padding = compound[bytes - 1];
      if (bytes != compound.size() || padding == 0 || padding % 4 != 0 || padding + kHeaderBytes > bytes) return false;
    }
    compound = compound.subspan(bytes);
  }
  return true;
}

bool RtcpReader::next(RtcpPacket& packet) {
  if (rest_.size() < kHeaderBytes) return false;
  const std::size_t bytes = packet_bytes(rest_);
  const std::size_t padding = (rest_[0] & 0x20U) != 0 ? rest_[bytes - 1] : 0U;
  packet.type = static_cast<RtcpType>(rest_[1]);
  packet.count = rest_[0] & 0x1fU;
  packet.body = rest_.subspan(kHeaderBytes, bytes - kHeaderBytes - padding);
  rest_ = rest_.subspan(bytes);
  return true;
}

std::optional<SenderInfo> read_sender_info(const RtcpPacket& packet) {
  if (packet.type != RtcpType::kSenderReport || packet.body.size() < 4 + kSenderInfoBytes) return std::nullopt;
  const std::uint8_t* at = packet.body.data() + 4;
  return SenderInfo{load_be64(at), load_be32(at + 8), load_be32(at + 12), load_be32(at + 16)};
}

std::optional<ReportBlock> read_report_block(const RtcpPacket& packet, std::size_t i) {
  const bool sender = packet.type == RtcpType::kSenderReport;
  if ((!sender && packet.type != RtcpType::kReceiverReport) || i >= packet.count) return std::nullopt;
  const std::size_t offset = (sender ? 4 + kSenderInfoBytes : 4) + i * kReportBlockBytes;
  if (offset + kReportBlockBytes > packet.body.size()) return std::nullopt;
  const std::uint8_t* at = packet.body.data() + offset;
  ReportBlock block;
  block.ssrc = load_be32(at);
  const std::uint32_t lost = load_be32(at + 4);
  block.fraction_lost = static_cast<std::uint8_t>(lost >> 24U);
  block.cumulative_lost = static_cast<std::int32_t>(lost << 8U) >> 8;  // sign of 24 bits
  block.highest_sequence = load_be32(at + 8);
  block.jitter = load_be32(at + 12);
  block.last_sr = load_be32(at + 16);
  block.delay_since_last_sr = load_be32(at + 20);
  return block;
}

std::optional<std::uint32_t> feedback_media_ssrc(const RtcpPacket& packet) {
  if (packet.body.size() < kFeedbackBytes) return std::nullopt;
  return load_be32(packet.body.data() + 4);
}

std::optional<std::uint32_t> read_nack(const RtcpPacket& packet, std::size_t i) {
  const std::size_t offset = kFeedbackBytes + 4 * i;
  if (offset + 4 > packet.body.size()) return std::nullopt;
  return load_be32(packet.body.data() + offset);
}

std::optional<FirEntry> read_fir(const RtcpPacket& packet, std::size_t i) {
  const std::size_t offset = kFeedbackBytes + 8 * i;
  if (offset + 8 > packet.body.size()) return std::nullopt;
  return FirEntry{load_be32(packet.body.data() + offset), packet.body[offset + 4]};
}

std::uint8_t* RtcpWriter::begin(RtcpType type, std::size_t count, std::size_t body_bytes) {
  if (!ok_ || count > 31 || size_ + kHeaderBytes + body_bytes > buffer_.size()) {
    ok_ = false;
    return nullptr;
  }
  std::uint8_t* at = buffer_.data() + size_;
  at[0] = static_cast<std::uint8_t>(0x80U | count);
  at[1] = static_cast<std::uint8_t>(type);
  store_be16(at + 2, static_cast<std::uint16_t>(body_bytes / 4));
  size_ += kHeaderBytes + body_bytes;
  return at + kHeaderBytes;
}

void RtcpWriter::store_block(std::uint8_t* at, const ReportBlock& block) {
  constexpr std::int32_t kMost = 0x7fffff;
  constexpr std::int32_t kLeast = -0x800000;
  const std::int32_t lost = std::clamp(block.cumulative_lost, kLeast, kMost);
  store_be32(at, block.ssrc);
  store_be32(at + 4, (std::uint32_t{block.fraction_lost} << 24U) | (static_cast<std::uint32_t>(lost) & 0xffffffU));
  store_be32(at + 8, block.highest_sequence);
  store_be32(at + 12, block.jitter);
  store_be32(at + 16, block.last_sr);
  store_be32(at + 20, block.delay_since_last_sr);
}

void RtcpWriter::sender_report(std::uint32_t ssrc, const SenderInfo& info, std::span<const ReportBlock> blocks) {
  std::uint8_t* at =
      begin(RtcpType::kSenderReport, blocks.size(), 4 + kSenderInfoBytes + blocks.size() * kReportBlockBytes);
  if (at == nullptr) return;
  store_be32(at, ssrc);
  store_be64(at + 4, info.ntp);
  store_be32(at + 12, info.rtp_timestamp);
  store_be32(at + 16, info.packets);
  store_be32(at + 20, info.octets);
  for (std::size_t i = 0; i < blocks.size(); ++i) store_block(at + 24 + i * kReportBlockBytes, blocks[i]);
}

void RtcpWriter::receiver_report(std::uint32_t ssrc, std::span<const ReportBlock> blocks) {
  std::uint8_t* at = begin(RtcpType::kReceiverReport, blocks.size(), 4 + blocks.size() * kReportBlockBytes);
  if (at == nullptr) return;
  store_be32(at, ssrc);
  for (std::size_t i = 0; i < blocks.size(); ++i) store_block(at + 4 + i * kReportBlockBytes, blocks[i]);
}

void RtcpWriter::cname(std::uint32_t ssrc, std::string_view name) {
  constexpr std::uint8_t kCname = 1;  // RFC 3550 6.5.1
  if (name.size() > kMaxSdesBytes) ok_ = false;
  // The chunk ends with one to four zero bytes, to a word (RFC 3550 6.5).
  const std::size_t items = 2 + name.size();
  const std::size_t body = 4 + (items / 4 + 1) * 4;
  std::uint8_t* at = begin(RtcpType::kSourceDescription, 1, body);
  if (at == nullptr) return;
  std::fill_n(at, body, std::uint8_t{0});
  store_be32(at, ssrc);
  at[4] = kCname;
  at[5] = static_cast<std::uint8_t>(name.size());
  std::copy(name.begin(), name.end(), at + 6);
}

void RtcpWriter::bye(std::uint32_t ssrc) {
  std::uint8_t* at = begin(RtcpType::kBye, 1, 4);
  if (at != nullptr) store_be32(at, ssrc);
}

void RtcpWriter::pli(std::uint32_t sender, std::uint32_t media) {
  std::uint8_t* at = begin(RtcpType::kPayloadFeedback, kFormatPli, kFeedbackBytes);
  if (at == nullptr) return;
  store_be32(at, sender);
  store_be32(at + 4, media);
}

void RtcpWriter::payload_feedback(std::uint8_t format, std::uint32_t sender, std::uint32_t media, Bytes fci) {
  if (fci.size() % 4 != 0) ok_ = false;
  std::uint8_t* at = begin(RtcpType::kPayloadFeedback, format, kFeedbackBytes + fci.size());
  if (at == nullptr) return;
  store_be32(at, sender);
  store_be32(at + 4, media);
  std::copy(fci.begin(), fci.end(), at + kFeedbackBytes);
}

void RtcpWriter::fir(std::uint32_t sender, std::uint32_t media, std::uint8_t sequence) {
  std::uint8_t* at = begin(RtcpType::kPayloadFeedback, kFormatFir, kFeedbackBytes + 8);
  if (at == nullptr) return;
  store_be32(at, sender);
  store_be32(at + 4, 0);  // RFC 5104 4.3.1.2: the entry names the source
  store_be32(at + 8, media);
  store_be32(at + 12, std::uint32_t{sequence} << 24U);
}

void RtcpWriter::nack(std::uint32_t sender, std::uint32_t media, std::span<const std::uint32_t> entries) {
  std::uint8_t* at = begin(RtcpType::kTransportFeedback, kFormatNack, kFeedbackBytes + 4 * entries.size());
  if (at == nullptr) return;
  store_be32(at, sender);
  store_be32(at + 4, media);
  for (std::size_t i = 0; i < entries.size(); ++i) store_be32(at + 8 + 4 * i, entries[i]);
}

}  // namespace isthmus::wire
