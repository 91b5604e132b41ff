// RTCP compounds: whatever is valid can be walked to its end, and every accessor stays inside.

#include <cstdlib>

#include "dataplane/wire/rtcp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  const Bytes compound(data, size);
  if (!wire::RtcpReader::valid(compound)) return 0;
  wire::RtcpReader reader(compound);
  wire::RtcpPacket packet;
  std::size_t packets = 0;
  std::uint32_t sink = 0;
  while (reader.next(packet)) {
    if (++packets > wire::kMaxRtcpPackets) std::abort();
    sink ^= packet.sender_ssrc();
    for (std::size_t i = 0; i < 40; ++i) {
      if (const auto block = wire::read_report_block(packet, i)) sink ^= block->highest_sequence;
      if (const auto entry = wire::read_fir(packet, i)) sink ^= entry->ssrc;
      if (const auto entry = wire::read_nack(packet, i)) sink ^= *entry;
    }
    if (const auto info = wire::read_sender_info(packet)) sink ^= info->packets;
    if (const auto media = wire::feedback_media_ssrc(packet)) sink ^= *media;
  }
  if (packets == 0) std::abort();
  volatile std::uint32_t keep = sink;
  (void)keep;
  return 0;
}
