#pragma once

// Profile-specific extensions of a Microsoft peer behind the report blocks of an SR or RR ([MS-RTP] 2.2.11).
//
//   | type (16) | length with this header (16) | information |  ... at most 20

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

inline constexpr std::size_t kMaxReportExtensions = 20;

enum class ReportExtensionType : std::uint16_t {
  kEstimatedBandwidth = 1,
  kPacketLoss = 4,
  kVideoPreference = 5,
  kPadding = 6,
  kPolicyBandwidth = 7,
  kTurnBandwidth = 8,
  kAudioHealer = 9,
  kReceiverBandwidthLimit = 10,
  kPacketTrain = 11,
  kPeerInfo = 12,
  kCongestion = 13,
  kModalityBandwidthLimit = 14,
};

struct ReportExtension {
  ReportExtensionType type{};
  Bytes information;
};

/// Walks them; ends at the first one that does not fit, and after kMaxReportExtensions.
class ReportExtensionReader {
 public:
  explicit ReportExtensionReader(Bytes behind_blocks) : rest_(behind_blocks) {}
  bool next(ReportExtension& extension);

 private:
  Bytes rest_;
  std::size_t count_ = 0;
};

struct EstimatedBandwidth {
  std::uint32_t ssrc = 0;
  std::uint32_t bits_per_second = 0;
};
/// Empty: another extension, or the peer has no estimate yet (negative values).
std::optional<EstimatedBandwidth> read_estimated_bandwidth(const ReportExtension& extension);

}  // namespace isthmus::payload
