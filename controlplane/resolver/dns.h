#pragma once

// What is asked of the domain name system. The product asks by c-ares, tests answer by themselves.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace isthmus::resolver {

inline constexpr std::size_t kMaxAddressesOfName = 16;
inline constexpr std::size_t kMaxServicesOfName = 16;

/// A and AAAA of one name.
struct Addresses {
  std::vector<IpAddress> addresses;  ///< at most kMaxAddressesOfName
  std::chrono::seconds ttl{};        ///< the least of all; of the hosts file 0
};

/// One SRV record (RFC 2782).
struct ServiceRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string host;
};

struct Services {
  std::vector<ServiceRecord> records;  ///< at most kMaxServicesOfName; empty: there are none
  std::chrono::seconds ttl{};
};

/// Event-loop thread. Answers come later, each exactly once, none after the destruction.
class Dns {
 public:
  virtual ~Dns() = default;
  /// An error says why there is no address.
  virtual void addresses(const std::string& name, std::function<void(Result<Addresses>)> done) = 0;
  /// That there are none is no error.
  virtual void services(const std::string& name, std::function<void(Result<Services>)> done) = 0;
  /// True if the hosts file of the system has the name: then nobody else is asked about it.
  virtual bool is_in_hosts_file(const std::string& name) = 0;
};

}  // namespace isthmus::resolver
