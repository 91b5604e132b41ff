#include "dataplane/payload/pacsi.h"

#include <algorithm>

namespace isthmus::payload {
namespace {

constexpr std::size_t kFixedBytes = 1 + kScalableHeaderBytes + 1;
constexpr std::uint8_t kHasPictureIndices = 0x40;  // Y
constexpr std::uint8_t kHasDecodingOrder = 0x20;   // T
constexpr std::size_t kPictureIndexBytes = 3;

}  // namespace

std::optional<Pacsi> read_pacsi(Bytes nal) {
  if (nal.size() < kFixedBytes || nal_type(nal[0]) != NalType::kPacsi) return std::nullopt;
  Pacsi pacsi;
  pacsi.ref_idc = nal_ref_idc(nal[0]);
  pacsi.scalable = read_scalable_header(nal.data() + 1);
  const std::uint8_t flags = nal[kFixedBytes - 1];
  Bytes rest = nal.subspan(kFixedBytes);
  if ((flags & kHasPictureIndices) != 0) {
    if (rest.size() < kPictureIndexBytes) return std::nullopt;
    rest = rest.subspan(kPictureIndexBytes);
  }
  if ((flags & kHasDecodingOrder) != 0) {
    if (rest.size() < 2) return std::nullopt;
    pacsi.decoding_order = load_be16(rest.data());
    rest = rest.subspan(2);
  }
  while (!rest.empty()) {
    if (pacsi.sei_count == kMaxPacsiSeis || rest.size() < kStapSizeBytes) return std::nullopt;
    const std::size_t bytes = load_be16(rest.data());
    if (bytes == 0 || bytes > rest.size() - kStapSizeBytes) return std::nullopt;
    pacsi.add(rest.subspan(kStapSizeBytes, bytes));
    rest = rest.subspan(kStapSizeBytes + bytes);
  }
  return pacsi;
}

std::size_t write_pacsi(const Pacsi& pacsi, MutableBytes to) {
  std::size_t bytes = kFixedBytes + (pacsi.decoding_order ? 2U : 0U);
  for (std::size_t i = 0; i < pacsi.sei_count; ++i) {
    if (pacsi.seis[i].size() > 0xffff) return 0;
    bytes += kStapSizeBytes + pacsi.seis[i].size();
  }
  if (bytes > to.size()) return 0;
  to[0] = static_cast<std::uint8_t>((pacsi.ref_idc << 5U) | static_cast<std::uint8_t>(NalType::kPacsi));
  write_scalable_header(&to[1], pacsi.scalable);
  to[kFixedBytes - 1] = pacsi.decoding_order ? kHasDecodingOrder : 0;
  std::size_t at = kFixedBytes;
  if (pacsi.decoding_order) {
    store_be16(&to[at], *pacsi.decoding_order);
    at += 2;
  }
  for (std::size_t i = 0; i < pacsi.sei_count; ++i) {
    const Bytes sei = pacsi.seis[i];
    store_be16(&to[at], static_cast<std::uint16_t>(sei.size()));
    std::copy(sei.begin(), sei.end(), &to[at + kStapSizeBytes]);
    at += kStapSizeBytes + sei.size();
  }
  return at;
}

}  // namespace isthmus::payload
