// No frame of any length makes the filter read past its end (the copy below is as long as the frame, for ASan), and
// what it takes is at least as long as the headers it has read.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/io/pool_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  static const auto* const pools = [] {
    io::Network network;
    network.addresses = {IpAddress::v4(192, 0, 2, 1), *IpAddress::parse("2001:db8::1")};
    return new io::PortSlots({&network, 1});
  }();
  const auto frame = std::make_unique<std::uint8_t[]>(size);
  if (size > 0) std::memcpy(frame.get(), data, size);
  if (io::is_pool_packet(frame.get(), size, {2, 0, 0, 0, 0, 1}, *pools) && size < 42) std::abort();
  return 0;
}
