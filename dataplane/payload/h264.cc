#include "dataplane/payload/h264.h"

namespace isthmus::payload {

bool read_fragment(Bytes payload, Fragment& fragment) {
  if (payload.size() <= kFuHeaderBytes) return false;
  fragment.start = (payload[1] & 0x80U) != 0;
  fragment.end = (payload[1] & 0x40U) != 0;
  fragment.nal_header = static_cast<std::uint8_t>((payload[0] & 0xe0U) | (payload[1] & 0x1fU));
  fragment.body = payload.subspan(kFuHeaderBytes);
  return !(fragment.start && fragment.end) && is_single(nal_type(fragment.nal_header));
}

void write_fragment_header(std::uint8_t* to, std::uint8_t nal_header, bool start, bool end) {
  to[0] = static_cast<std::uint8_t>((nal_header & 0xe0U) | static_cast<std::uint8_t>(NalType::kFuA));
  to[1] = static_cast<std::uint8_t>((start ? 0x80U : 0U) | (end ? 0x40U : 0U) | (nal_header & 0x1fU));
}

bool StapReader::valid(Bytes payload) {
  if (payload.size() < 1 + kStapSizeBytes + 1) return false;
  Bytes rest = payload.subspan(1);
  for (std::size_t i = 0; !rest.empty(); ++i) {
    if (i == kMaxAggregated || rest.size() <= kStapSizeBytes) return false;
    const std::size_t bytes = load_be16(rest.data());
    if (bytes == 0 || bytes > rest.size() - kStapSizeBytes) return false;
    const NalType type = nal_type(rest[kStapSizeBytes]);
    if (!is_single(type) && type != NalType::kPacsi) return false;
    rest = rest.subspan(kStapSizeBytes + bytes);
  }
  return true;
}

bool StapReader::next(Bytes& nal) {
  if (rest_.empty()) return false;
  const std::size_t bytes = load_be16(rest_.data());
  nal = rest_.subspan(kStapSizeBytes, bytes);
  rest_ = rest_.subspan(kStapSizeBytes + bytes);
  return true;
}

ScalableHeader read_scalable_header(const std::uint8_t* from) {
  ScalableHeader header;
  header.idr = (from[0] & 0x40U) != 0;
  header.priority_id = from[0] & 0x3fU;
  header.no_inter_layer = (from[1] & 0x80U) != 0;
  header.dependency_id = (from[1] >> 4U) & 7U;
  header.quality_id = from[1] & 0x0fU;
  header.temporal_id = from[2] >> 5U;
  header.use_ref_base = (from[2] & 0x10U) != 0;
  header.discardable = (from[2] & 8U) != 0;
  header.output = (from[2] & 4U) != 0;
  return header;
}

void write_scalable_header(std::uint8_t* to, const ScalableHeader& header) {
  const auto bit = [](bool set, unsigned place) { return set ? 1U << place : 0U; };
  to[0] = static_cast<std::uint8_t>(0x80U | bit(header.idr, 6) | (header.priority_id & 0x3fU));
  to[1] = static_cast<std::uint8_t>(bit(header.no_inter_layer, 7) | ((header.dependency_id & 7U) << 4U) |
                                    (header.quality_id & 0x0fU));
  to[2] = static_cast<std::uint8_t>(((header.temporal_id & 7U) << 5U) | bit(header.use_ref_base, 4) |
                                    bit(header.discardable, 3) | bit(header.output, 2) | 3U);
}

std::size_t write_prefix(std::uint8_t* to, std::uint8_t slice_header, const ScalableHeader& header) {
  to[0] = static_cast<std::uint8_t>((slice_header & 0xe0U) | static_cast<std::uint8_t>(NalType::kPrefix));
  write_scalable_header(to + 1, header);
  if (nal_ref_idc(slice_header) == 0) return 1 + kScalableHeaderBytes;
  to[4] = 0x20;  // no store_ref_base_pic_flag, no extension, stop bit
  return kMaxPrefixBytes;
}

}  // namespace isthmus::payload
