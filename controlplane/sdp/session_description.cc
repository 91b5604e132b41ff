#include "controlplane/sdp/session_description.h"

#include <algorithm>

namespace isthmus::sdp {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

PayloadFormat static_format(std::uint8_t type, const char* encoding, std::uint32_t clock_hz,
                            std::uint8_t channels = 1) {
  return PayloadFormat{type, encoding, clock_hz, channels, {}};
}

// RFC 3551 table 4 and table 5.
const std::vector<PayloadFormat>& static_formats() {
  static const std::vector<PayloadFormat> table = {
      static_format(0, "PCMU", 8000),   static_format(3, "GSM", 8000),    static_format(4, "G723", 8000),
      static_format(5, "DVI4", 8000),   static_format(6, "DVI4", 16000),  static_format(7, "LPC", 8000),
      static_format(8, "PCMA", 8000),   static_format(9, "G722", 8000),   static_format(10, "L16", 44100, 2),
      static_format(11, "L16", 44100),  static_format(12, "QCELP", 8000), static_format(13, "CN", 8000),
      static_format(14, "MPA", 90000),  static_format(15, "G728", 8000),  static_format(16, "DVI4", 11025),
      static_format(17, "DVI4", 22050), static_format(18, "G729", 8000),  static_format(25, "CelB", 90000),
      static_format(26, "JPEG", 90000), static_format(28, "nv", 90000),   static_format(31, "H261", 90000),
      static_format(32, "MPV", 90000),  static_format(33, "MP2T", 90000), static_format(34, "H263", 90000),
  };
  return table;
}

}  // namespace

std::string_view to_string(MediaKind kind) {
  switch (kind) {
    case MediaKind::kAudio: return "audio";
    case MediaKind::kVideo: return "video";
    case MediaKind::kApplication: return "application";
    case MediaKind::kOther: return "other";
  }
  return "other";
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kRtpAvp: return "RTP/AVP";
    case Protocol::kRtpAvpf: return "RTP/AVPF";
    case Protocol::kRtpSavp: return "RTP/SAVP";
    case Protocol::kRtpSavpf: return "RTP/SAVPF";
    case Protocol::kTcpRtpAvp: return "TCP/RTP/AVP";
    case Protocol::kTcpRtpSavp: return "TCP/RTP/SAVP";
    case Protocol::kOther: return "other";
  }
  return "other";
}

std::string_view to_string(Direction direction) {
  switch (direction) {
    case Direction::kSendRecv: return "sendrecv";
    case Direction::kSendOnly: return "sendonly";
    case Direction::kRecvOnly: return "recvonly";
    case Direction::kInactive: return "inactive";
  }
  return "sendrecv";
}

const Connection* connection_of(const SessionDescription& description, const MediaSection& section) {
  if (section.connection) return &*section.connection;
  return description.connection ? &*description.connection : nullptr;
}

std::optional<std::uint64_t> bandwidth_bps(const std::vector<Bandwidth>& bandwidths) {
  std::optional<std::uint64_t> lowest;
  for (const Bandwidth& bandwidth : bandwidths) {
    std::uint64_t bps = bandwidth.value;
    if (bandwidth.type == "AS" || bandwidth.type == "CT") {
      bps *= 1000;
    } else if (bandwidth.type != "TIAS") {
      continue;
    }
    lowest = std::min(lowest.value_or(bps), bps);
  }
  return lowest;
}

const PayloadFormat* static_payload_format(std::uint8_t payload_type) {
  const auto& table = static_formats();
  const auto found = std::ranges::find(table, payload_type, &PayloadFormat::payload_type);
  return found == table.end() ? nullptr : &*found;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace isthmus::sdp
