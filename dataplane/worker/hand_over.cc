#include "dataplane/worker/hand_over.h"

#include "dataplane/base/bytes.h"
#include "dataplane/io/port_class.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::worker {

std::size_t owner_of(const io::Frame& frame, std::size_t workers, std::size_t self) {
  constexpr std::size_t kEthernet = wire::kHeadersV4 - wire::kIpv4Bytes - wire::kUdpBytes;
  if (frame.length < wire::kHeadersV4) return self;
  const std::uint8_t* ip = frame.data + kEthernet;
  const std::uint16_t type = load_be16(frame.data + kEthernet - 2);
  if (type == wire::kEtherTypeIpv4) {
    if (ip[0] != 0x45 || ip[9] != wire::kProtocolUdp) return self;
    return io::port_class(load_be16(frame.data + wire::kHeadersV4 - wire::kUdpBytes + 2), workers);
  }
  if (type == wire::kEtherTypeIpv6 && frame.length >= wire::kHeadersV6 && ip[6] == wire::kProtocolUdp) {
    return io::port_class(load_be16(frame.data + wire::kHeadersV6 - wire::kUdpBytes + 2), workers);
  }
  return self;
}

HandOver::HandOver(std::size_t workers) : workers_(workers), turns_(workers) {
  for (std::size_t to = 0; to < workers; ++to) {
    for (std::size_t from = 0; from < workers; ++from) {
      rings_.push_back(from == to ? nullptr : std::make_unique<io::SpscRing<io::Frame>>(kRingFrames));
    }
    turns_[to].first = to;
  }
}

void HandOver::give(std::size_t self, io::Burst& burst, Given& given) {
  constexpr std::size_t kAhead = 4;
  given.frames = 0;
  given.full_bytes = 0;
  given.full.count = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < burst.count && i < kAhead; ++i) __builtin_prefetch(burst.frames[i].data);
  for (std::size_t i = 0; i < burst.count; ++i) {
    if (i + kAhead < burst.count) __builtin_prefetch(burst.frames[i + kAhead].data);
    const io::Frame& frame = burst.frames[i];
    const std::size_t owner = owner_of(frame, workers_, self);
    if (owner == self) {
      if (kept != i) burst.frames[kept] = frame;
      ++kept;
    } else if (ring(self, owner).push(frame)) {
      ++given.frames;
    } else {
      given.full_bytes += frame.length;
      given.full.add(frame);
    }
  }
  burst.count = kept;
}

std::size_t HandOver::take(std::size_t self, io::Burst& burst) {
  const std::size_t before = burst.count;
  std::size_t& first = turns_[self].first;
  for (std::size_t turn = 0; turn < workers_; ++turn) {
    const std::size_t from = (first + turn) % workers_;
    if (from == self) continue;
    io::Frame frame;
    while (!burst.full() && ring(from, self).pop(frame)) burst.add(frame);
  }
  first = first + 1 == workers_ ? 0 : first + 1;
  return burst.count - before;
}

}  // namespace isthmus::worker
