// Video source requests, extended PLI, report extensions: what was read is written again and reads the same.

#include <cstdlib>
#include <vector>

#include "dataplane/payload/picture_request.h"
#include "dataplane/payload/report_extension.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  const Bytes bytes(data, size);
  if (const auto request = payload::read_source_request(bytes)) {
    std::vector<std::uint8_t> again(payload::kSourceRequestBytes + request->entry_count * payload::kSourceEntryBytes);
    if (payload::write_source_request(*request, again) != again.size()) std::abort();
    const auto twice = payload::read_source_request(again);
    if (!twice || twice->entries != request->entries || twice->key_frame != request->key_frame) std::abort();
  }
  if (const auto pli = payload::read_extended_pli(bytes)) {
    if (payload::read_extended_pli(payload::write_extended_pli(*pli)) != pli) std::abort();
  }
  payload::ReportExtensionReader reader(bytes);
  payload::ReportExtension extension;
  std::size_t sum = 0;
  std::size_t count = 0;
  while (reader.next(extension)) {
    if (++count > payload::kMaxReportExtensions) std::abort();
    for (const std::uint8_t octet : extension.information) sum += octet;
    if (const auto estimate = payload::read_estimated_bandwidth(extension)) sum += estimate->bits_per_second;
  }
  volatile std::size_t keep = sum;
  (void)keep;
  return 0;
}
