#pragma once

// Our addresses as asio's and back. Inside of the folder.

#include <algorithm>
#include <array>

#include <boost/asio/ip/address.hpp>

#include "dataplane/base/address.h"

namespace isthmus::sip {

inline boost::asio::ip::address to_asio(const IpAddress& ip) {
  if (ip.is_v4()) return boost::asio::ip::address_v4(ip.v4_host_order());
  return boost::asio::ip::address_v6(ip.bytes);
}

template <typename Endpoint>
Endpoint to_asio(const SocketAddress& address) {
  return Endpoint(to_asio(address.ip), address.port);
}

template <typename Endpoint>
SocketAddress from_asio(const Endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v4()) return {IpAddress::v4(address.to_v4().to_uint()), endpoint.port()};
  return {IpAddress::v6(address.to_v6().to_bytes()), endpoint.port()};
}

}  // namespace isthmus::sip
