// Ethernet, IP and UDP, then RTP: parsed lengths stay inside the frame. The frame is copied to its exact size, so that
// the address sanitizer sees any byte read beyond it.

#include <cstdlib>
#include <vector>

#include "dataplane/wire/rtp.h"
#include "dataplane/wire/udp_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  if (size > 2048) return 0;
  std::vector<std::uint8_t> frame(data, data + size);
  frame.shrink_to_fit();
  wire::UdpFrame udp;
  if (!wire::parse_udp(frame.data(), frame.size(), udp)) {
    const auto reason = wire::why_not_udp(frame.data(), frame.size());
    if (static_cast<std::size_t>(reason) >= kDropReasonCount) std::abort();
    return 0;
  }
  if (udp.payload() + udp.payload_bytes > frame.data() + frame.size()) std::abort();
  const std::size_t header = wire::rtp_header_bytes(udp.payload(), udp.payload_bytes);
  std::size_t payload = 0;
  if (header > 0 && wire::rtp_payload_bytes(udp.payload(), udp.payload_bytes, header, payload) &&
      header + payload > udp.payload_bytes) {
    std::abort();
  }
  volatile std::uint64_t keep = wire::sum_words_sse(udp.payload(), udp.payload_bytes);
  keep = wire::fastest_sum()(udp.payload(), udp.payload_bytes);
  (void)keep;
  return 0;
}
