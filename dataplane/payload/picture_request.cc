#include "dataplane/payload/picture_request.h"

#include <algorithm>

namespace isthmus::payload {
namespace {

constexpr std::uint16_t kSourceRequestType = 1;
constexpr std::uint8_t kKeyFrame = 0x80;

SourceEntry read_entry(const std::uint8_t* at) {
  SourceEntry entry;
  entry.payload_type = at[0];
  entry.mode = at[1];
  entry.flags = at[2];
  entry.aspect_ratios = at[3];
  entry.max_width = load_be16(at + 4);
  entry.max_height = load_be16(at + 6);
  entry.min_bit_rate = load_be32(at + 8);
  entry.bit_rate_per_level = load_be32(at + 16);
  for (std::size_t i = 0; i < entry.bit_rates.size(); ++i) entry.bit_rates[i] = load_be16(at + 20 + 2 * i);
  entry.frame_rates = load_be32(at + 40);
  entry.must_instances = load_be16(at + 44);
  entry.may_instances = load_be16(at + 46);
  for (std::size_t i = 0; i < entry.qualities.size(); ++i) entry.qualities[i] = load_be16(at + 48 + 2 * i);
  entry.max_pixels = load_be32(at + 64);
  return entry;
}

void write_entry(const SourceEntry& entry, std::uint8_t* at) {
  at[0] = entry.payload_type;
  at[1] = entry.mode;
  at[2] = entry.flags;
  at[3] = entry.aspect_ratios;
  store_be16(at + 4, entry.max_width);
  store_be16(at + 6, entry.max_height);
  store_be32(at + 8, entry.min_bit_rate);
  store_be32(at + 12, 0);
  store_be32(at + 16, entry.bit_rate_per_level);
  for (std::size_t i = 0; i < entry.bit_rates.size(); ++i) store_be16(at + 20 + 2 * i, entry.bit_rates[i]);
  store_be32(at + 40, entry.frame_rates);
  store_be16(at + 44, entry.must_instances);
  store_be16(at + 46, entry.may_instances);
  for (std::size_t i = 0; i < entry.qualities.size(); ++i) store_be16(at + 48 + 2 * i, entry.qualities[i]);
  store_be32(at + 64, entry.max_pixels);
}

}  // namespace

std::uint64_t SourceEntry::highest_bit_rate() const {
  for (std::size_t i = bit_rates.size(); i > 0; --i) {
    if (bit_rates[i - 1] != 0) return std::uint64_t{min_bit_rate} + std::uint64_t{bit_rate_per_level} * i;
  }
  return 0;
}

bool is_source_request(Bytes fci) { return fci.size() >= 2 && load_be16(fci.data()) == kSourceRequestType; }

std::optional<SourceRequest> read_source_request(Bytes fci) {
  if (fci.size() < kSourceRequestBytes || load_be16(fci.data()) != kSourceRequestType) return std::nullopt;
  SourceRequest request;
  const std::size_t length = load_be16(fci.data() + 2);
  const std::size_t entries = fci[14];
  if (entries > kMaxSourceEntries || (entries > 0 && fci[15] != kSourceEntryBytes)) return std::nullopt;
  const std::size_t bytes = kSourceRequestBytes + entries * kSourceEntryBytes;
  if (length < bytes || fci.size() < bytes) return std::nullopt;
  request.source = load_be32(fci.data() + 4);
  request.request_id = load_be16(fci.data() + 8);
  request.key_frame = (fci[13] & kKeyFrame) != 0;
  for (; request.entry_count < entries; ++request.entry_count) {
    request.entries[request.entry_count] =
        read_entry(fci.data() + kSourceRequestBytes + request.entry_count * kSourceEntryBytes);
  }
  return request;
}

std::size_t write_source_request(const SourceRequest& request, MutableBytes to) {
  const std::size_t bytes = kSourceRequestBytes + request.entry_count * kSourceEntryBytes;
  if (request.entry_count > kMaxSourceEntries || to.size() < bytes) return 0;
  std::fill_n(to.begin(), kSourceRequestBytes, std::uint8_t{0});
  store_be16(to.data(), kSourceRequestType);
  store_be16(to.data() + 2, static_cast<std::uint16_t>(bytes));
  store_be32(to.data() + 4, request.source);
  store_be16(to.data() + 8, request.request_id);
  to[13] = request.key_frame ? kKeyFrame : 0;
  to[14] = static_cast<std::uint8_t>(request.entry_count);
  to[15] = kSourceEntryBytes;
  for (std::size_t i = 0; i < request.entry_count; ++i) {
    write_entry(request.entries[i], to.data() + kSourceRequestBytes + i * kSourceEntryBytes);
  }
  return bytes;
}

std::optional<ExtendedPli> read_extended_pli(Bytes fci) {
  if (fci.size() < kExtendedPliBytes) return std::nullopt;
  ExtendedPli pli;
  pli.request_id = load_be16(fci.data());
  pli.layers = 0;
  for (std::size_t i = 0; i < 8; ++i) pli.layers |= std::uint64_t{fci[4 + i]} << (8 * i);
  return pli;
}

std::array<std::uint8_t, kExtendedPliBytes> write_extended_pli(const ExtendedPli& pli) {
  std::array<std::uint8_t, kExtendedPliBytes> fci{};
  store_be16(fci.data(), pli.request_id);
  for (std::size_t i = 0; i < 8; ++i) fci[4 + i] = static_cast<std::uint8_t>(pli.layers >> (8 * i));
  return fci;
}

}  // namespace isthmus::payload
