#include "dataplane/io/tcp/tcp_io.h"

#include <algorithm>

#include "dataplane/io/synthetic_frame.h"
#include "dataplane/io/tcp_port.h"

namespace isthmus::io::tcp {

void TcpIo::receive(Burst& burst) {
  for (std::size_t i = 0; i < kFramesATurn && !burst.full() && !rings_.to_worker.empty(); ++i) {
    Frame frame = below_.allocate();
    if (frame.handle == nullptr) break;  // counted there; the packets wait
    rings_.to_worker.pop(packet_);
    // Room in front as io modes keep it; the headers lie in it.
    std::uint8_t* payload = frame.data + kMaxSyntheticBytes;
    std::ranges::copy(packet_.view(), payload);
    write_headers(payload, packet_.length, packet_.remote, packet_.local);
    const std::size_t headers = synthetic_bytes(packet_.local.ip.family);
    const auto moved = static_cast<std::uint16_t>(kMaxSyntheticBytes - headers);
    frame.data += moved;
    frame.headroom = static_cast<std::uint16_t>(frame.headroom + moved);
    frame.length = static_cast<std::uint16_t>(packet_.length + headers);
    frame.tailroom = static_cast<std::uint16_t>(frame.tailroom - moved - frame.length);
    frame.port = kTcpPort;
    burst.add(frame);
  }
  below_.receive(burst);
}

std::size_t TcpIo::send(Burst& burst) {
  std::size_t kept = 0;
  std::size_t refused = 0;
  bool any = false;
  for (std::size_t i = 0; i < burst.count; ++i) {
    const Frame& frame = burst.frames[i];
    if (frame.port != kTcpPort) [[likely]] {
      if (kept != i) burst.frames[kept] = frame;
      ++kept;
      continue;
    }
    any = true;
    if (!give(frame)) ++refused;
    below_.release(frame);
  }
  burst.count = kept;
  if (any) media_.wake();
  return refused + (kept > 0 ? below_.send(burst) : 0);
}

bool TcpIo::give(const Frame& frame) {
  const auto view = read_headers(MutableBytes(frame.data, frame.length));
  if (!view || view->payload.size() > kMaxFrameBytes) return false;
  packet_.local = view->from;
  packet_.remote = view->to;
  packet_.traffic_class = view->traffic_class;
  packet_.length = static_cast<std::uint16_t>(view->payload.size());
  std::ranges::copy(view->payload, packet_.bytes.begin());
  return rings_.from_worker.push(packet_);
}

}  // namespace isthmus::io::tcp
