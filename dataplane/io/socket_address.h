#pragma once

// Between our addresses and those of the socket calls.

#include <netinet/in.h>

#include <cstring>

#include "dataplane/base/address.h"

namespace isthmus::io {

union KernelAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

inline socklen_t to_kernel(const SocketAddress& address, KernelAddress& out) {
  if (address.ip.is_v4()) {
    out.v4 = {};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = __builtin_bswap16(address.port);
    std::memcpy(&out.v4.sin_addr, address.ip.bytes.data(), 4);
    return sizeof out.v4;
  }
  out.v6 = {};
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = __builtin_bswap16(address.port);
  std::memcpy(&out.v6.sin6_addr, address.ip.bytes.data(), 16);
  return sizeof out.v6;
}

inline SocketAddress from_kernel(const KernelAddress& in) {
  SocketAddress address;
  if (in.any.sa_family == AF_INET6) {
    address.ip.family = IpFamily::kV6;
    std::memcpy(address.ip.bytes.data(), &in.v6.sin6_addr, 16);
    address.port = __builtin_bswap16(in.v6.sin6_port);
  } else {
    std::memcpy(address.ip.bytes.data(), &in.v4.sin_addr, 4);
    address.port = __builtin_bswap16(in.v4.sin_port);
  }
  return address;
}

}  // namespace isthmus::io
