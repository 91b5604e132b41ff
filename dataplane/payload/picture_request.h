#pragma once

// What a Microsoft peer asks for and is asked by RTCP ([MS-RTP] 2.2.12): the video source request (PSFB, FMT 15) and
// the extended PLI (PSFB, FMT 1). Both as feedback control information, which follows the two SSRCs of a feedback
// packet.

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

inline constexpr std::uint8_t kFormatApplication = 15;  ///< RFC 4585 6.4, of payload feedback
inline constexpr std::uint32_t kSourceAny = 0xfffffffe;
inline constexpr std::uint32_t kSourceNone = 0xffffffff;  ///< send nothing

inline constexpr std::size_t kMaxSourceEntries = 20;
inline constexpr std::size_t kSourceRequestBytes = 20;  ///< without entries
inline constexpr std::size_t kSourceEntryBytes = 68;
inline constexpr std::size_t kExtendedPliBytes = 12;

enum SourceFlags : std::uint8_t { kConstrainedBaselineOnly = 2, kNoSeamlessResolutionChange = 8 };
enum AspectRatios : std::uint8_t { kAspect4x3 = 1, kAspect16x9 = 2 };
enum FrameRates : std::uint32_t {
  kRate7Point5 = 1,
  kRate12Point5 = 2,
  kRate15 = 4,
  kRate25 = 8,
  kRate30 = 0x10,
  kRate50 = 0x20,
  kRate60 = 0x40
};

struct SourceEntry {
  std::uint8_t payload_type = 0;
  std::uint8_t mode = 1;           ///< UCConfig: 0 one layer, 1 temporal layers
  std::uint8_t flags = 0;          ///< SourceFlags
  std::uint8_t aspect_ratios = 0;  ///< AspectRatios
  std::uint16_t max_width = 0;
  std::uint16_t max_height = 0;
  std::uint32_t min_bit_rate = 0;             ///< lower edge of bin 0
  std::uint32_t bit_rate_per_level = 0;       ///< width of a bin
  std::array<std::uint16_t, 10> bit_rates{};  ///< receivers whose limit falls into the bin
  std::uint32_t frame_rates = 0;              ///< FrameRates
  std::uint16_t must_instances = 0;
  std::uint16_t may_instances = 0;
  std::array<std::uint16_t, 8> qualities{};
  std::uint32_t max_pixels = 0;

  /// Upper edge of the highest bin that somebody is in; 0: nobody in any.
  std::uint64_t highest_bit_rate() const;
  bool operator==(const SourceEntry&) const = default;
};

struct SourceRequest {
  std::uint32_t source = kSourceAny;  ///< MSI
  std::uint16_t request_id = 0;       ///< the same for repetitions
  bool key_frame = false;
  std::array<SourceEntry, kMaxSourceEntries> entries;
  std::size_t entry_count = 0;
};

/// By its type alone, whatever the rest says.
bool is_source_request(Bytes fci);
/// Empty: another message (dominant speaker history), cut short, entries of another size or more than may be.
std::optional<SourceRequest> read_source_request(Bytes fci);
/// Its size; 0: no room.
std::size_t write_source_request(const SourceRequest& request, MutableBytes to);

struct ExtendedPli {
  std::uint16_t request_id = 0;
  std::uint64_t layers = 1;  ///< bit n: PRID n needs a sync frame

  bool operator==(const ExtendedPli&) const = default;
};

std::optional<ExtendedPli> read_extended_pli(Bytes fci);
std::array<std::uint8_t, kExtendedPliBytes> write_extended_pli(const ExtendedPli& pli);

}  // namespace isthmus::payload
