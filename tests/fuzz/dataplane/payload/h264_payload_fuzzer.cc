// NAL units, aggregates, fragments, PACSI with SEIs, parameter sets: every view stays inside, and what was read is
// written again to the byte where there is a writer.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "dataplane/payload/h264.h"
#include "dataplane/payload/microsoft_sei.h"
#include "dataplane/payload/pacsi.h"
#include "dataplane/payload/parameter_set.h"

namespace {

using namespace isthmus;

volatile std::size_t sink = 0;

void touch(Bytes bytes) {
  for (const std::uint8_t octet : bytes) sink = sink + octet;
}

void look_at_sei(Bytes sei) {
  touch(sei);
  if (const auto layout = payload::read_stream_layout(sei); layout && layout->layer_count > payload::kMaxLayers) {
    std::abort();
  }
  if (const auto info = payload::read_bitstream_info(sei)) {
    const auto again = payload::write_bitstream_info(*info);
    if (!std::equal(again.begin() + 3, again.end(), sei.begin() + 3)) std::abort();
  }
  if (const auto crop = payload::read_cropping(sei); crop && crop->window_count > payload::kMaxCropWindows)
    std::abort();
}

void look_at(Bytes nal) {
  look_at_sei(nal);
  if (const auto sps = payload::read_sps(nal); sps && (sps->width > sps->coded_width || sps->height == 0)) std::abort();
  if (const auto ids = payload::read_pps_ids(nal); ids && ids->sps_id > payload::kMaxSpsId) std::abort();
  const auto pacsi = payload::read_pacsi(nal);
  if (!pacsi) return;
  for (std::size_t i = 0; i < pacsi->sei_count; ++i) look_at_sei(pacsi->seis[i]);
  std::vector<std::uint8_t> again(nal.size());
  const std::size_t bytes = payload::write_pacsi(*pacsi, again);
  if (bytes == 0 || !payload::read_pacsi(Bytes(again).first(bytes))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, size);
  look_at(bytes);
  payload::Fragment fragment;
  if (payload::read_fragment(bytes, fragment)) touch(fragment.body);
  if (!payload::StapReader::valid(bytes)) return 0;
  payload::StapReader reader(bytes);
  Bytes nal;
  std::size_t count = 0;
  while (reader.next(nal)) {
    if (++count > payload::kMaxAggregated || nal.empty()) std::abort();
    look_at(nal);
  }
  return 0;
}
