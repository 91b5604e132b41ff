#pragma once

// H.264 in RTP (RFC 6184): NAL units, aggregation and fragments. Payloads in, positions out; nothing is copied.
//
//   NAL unit header          FU indicator, FU header (5.8)      STAP-A (5.7.1)
//   |F|NRI|  Type   |        |F|NRI|   28    |S|E|R|  Type   |  |F|NRI|   24    | size 16 | NAL | size 16 | NAL ...

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

/// RFC 6184 table 1 and 3, RFC 6190 1.1.3.
enum class NalType : std::uint8_t {
  kSlice = 1,
  kIdrSlice = 5,
  kSei = 6,
  kSps = 7,
  kPps = 8,
  kAccessUnitDelimiter = 9,
  kFiller = 12,
  kPrefix = 14,
  kSubsetSps = 15,
  kScalableSlice = 20,
  kDepthSlice = 21,
  kLastSingle = 23,
  kStapA = 24,
  kFuA = 28,
  kPacsi = 30,
};

inline constexpr std::size_t kFuHeaderBytes = 2;
inline constexpr std::size_t kStapSizeBytes = 2;
inline constexpr std::size_t kMaxAggregated = 32;  ///< NAL units of one STAP-A that are looked at; more: malformed

constexpr NalType nal_type(std::uint8_t header) { return static_cast<NalType>(header & 0x1fU); }
constexpr std::uint8_t nal_ref_idc(std::uint8_t header) { return (header >> 5U) & 3U; }
/// Slices of the base layer without data partitioning, which baseline has not.
constexpr bool is_base_slice(NalType type) { return type == NalType::kSlice || type == NalType::kIdrSlice; }
constexpr bool is_single(NalType type) { return type >= NalType::kSlice && type <= NalType::kLastSingle; }

/// One fragment. `body` is what follows both header bytes.
struct Fragment {
  bool start = false;
  bool end = false;
  std::uint8_t nal_header = 0;  ///< of the whole NAL unit
  Bytes body;
};

/// False: too short, start and end at once (RFC 6184 5.8), or a type that is no NAL unit.
bool read_fragment(Bytes payload, Fragment& fragment);
/// Writes the two header bytes of a fragment.
void write_fragment_header(std::uint8_t* to, std::uint8_t nal_header, bool start, bool end);

/// Walks a STAP-A whose form is checked.
class StapReader {
 public:
  /// False: a size of 0 or past the end, nothing in it, more than kMaxAggregated, or no single NAL units.
  static bool valid(Bytes payload);

  explicit StapReader(Bytes payload) : rest_(payload.subspan(1)) {}  ///< valid() has said yes
  bool next(Bytes& nal);

 private:
  Bytes rest_;
};

/// The three bytes that a prefix NAL unit or a PACSI has behind its header (RFC 6190 1.1.3).
struct ScalableHeader {
  bool idr = false;
  std::uint8_t priority_id = 0;    ///< 6 bits
  bool no_inter_layer = true;      ///< N
  std::uint8_t dependency_id = 0;  ///< 3 bits
  std::uint8_t quality_id = 0;     ///< 4 bits
  std::uint8_t temporal_id = 0;    ///< 3 bits
  bool use_ref_base = false;       ///< U
  bool discardable = false;        ///< D
  bool output = true;              ///< O

  bool operator==(const ScalableHeader&) const = default;
};

inline constexpr std::size_t kScalableHeaderBytes = 3;
ScalableHeader read_scalable_header(const std::uint8_t* from);
void write_scalable_header(std::uint8_t* to, const ScalableHeader& header);

inline constexpr std::size_t kMaxPrefixBytes = 5;
/// Prefix NAL unit of a slice (H.264 7.3.2.12): 5 bytes for a reference slice, else 4. Returns its size.
std::size_t write_prefix(std::uint8_t* to, std::uint8_t slice_header, const ScalableHeader& header);

}  // namespace isthmus::payload
