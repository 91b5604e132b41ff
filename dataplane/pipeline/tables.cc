#include "dataplane/pipeline/tables.h"

#include <bit>
#include <cassert>
#include <cstring>

#include "dataplane/session/port_pool.h"

namespace isthmus::pipeline {
AddressKey address_key(const IpAddress& address, bool tcp) {
  AddressKey key;
  std::memcpy(&key.low, address.bytes.data(), 8);
  std::memcpy(&key.high, address.bytes.data() + 8, 8);
  key.family = static_cast<std::uint32_t>(address.family) | (tcp ? kOverTcp : 0);
  return key;
}

Tables::Tables(const std::vector<session::LocalAddress>& addresses)
    : slots_(std::bit_ceil(4 * addresses.size() + 4)), mask_(slots_.size() - 1) {
  std::uint32_t base = 0;
  for (const session::LocalAddress& address : addresses) {
    AddressRow row;
    row.key = address_key(address.ip, address.tcp);
    row.first_port = address.first_port;
    row.ports = address.last_port - address.first_port + 1U;
    const std::uint32_t first_pair = address.first_port >> 1U;
    row.base = base - first_pair;  // modulo 2^32: the half port is added again
    base += (address.last_port >> 1U) - first_pair + 1U;
    std::size_t at = hash(row.key) & mask_;
    while (slots_[at].key.family != 0) at = (at + 1) & mask_;
    slots_[at] = row;
  }
  legs_.resize(base);
  rests_until_ns_.resize(base);
}

const AddressRow* Tables::search(const AddressKey& key) const {
  for (std::size_t at = hash(key);; ++at) {
    const AddressRow& row = slots_[at & mask_];
    if (row.key.family == 0) return nullptr;
    if (row.key.equals(key)) return &row;
  }
}

std::size_t Tables::place(const SocketAddress& local, bool tcp) const {
  const AddressRow* row = search(address_key(local.ip, tcp));
  assert(row != nullptr && local.port >= row->first_port &&
         local.port - row->first_port < static_cast<int>(row->ports));
  return row->base + (std::uint32_t{local.port} >> 1U);
}

void Tables::open(const SocketAddress& local, bool tcp, session::Leg& leg) { legs_[place(local, tcp)] = &leg; }

void Tables::close(const SocketAddress& local, bool tcp, std::uint64_t now_ns) {
  legs_[place(local, tcp)] = nullptr;
  rests_until_ns_[place(local, tcp)] = now_ns + session::kPortRestNs;
}

}  // namespace isthmus::pipeline
