#pragma once

// Which zone a message comes from: by the certificate's names where the link was verified, else by the source address
// and the listener it arrived on. What is not listed is refused (threat model B1, R188-R193). A built table is never
// changed; a new one replaces it. Any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/config/control_plane.h"
#include "dataplane/base/ip_prefix.h"

namespace isthmus::trust {

/// One listed host. Exactly one of `network` and `certificate_name` is set.
struct TrustedHost {
  std::string name;  ///< for people
  std::optional<IpPrefix> network;
  std::string certificate_name;  ///< a SAN, without case (R193)
  std::string listener;          ///< empty: any
  std::string zone;
};

struct Source {
  IpAddress address;
  std::string_view listener;
  std::span<const std::string> verified_names;  ///< SANs of a certificate that was checked; else empty
  /// The listener demands certificates: an address says nothing, and of those only "anybody at this listener" counts.
  bool by_name_only = false;
};

/// A verdict with its evidence.
struct Trusted {
  std::string_view zone;  ///< lives as long as the table
  std::string_view host;  ///< display name of the entry that matched
};

/// Sources of a configuration: the listed hosts, the peers of each zone by address where it is numeric and by name
/// where they have certificates, and for listeners that name a zone everybody who is on no other list.
Result<std::vector<TrustedHost>> trusted_hosts_of(const config::ControlPlane& configuration);

class TrustTable {
 public:
  TrustTable() = default;
  explicit TrustTable(std::vector<TrustedHost> hosts);

  /// The most specific entry wins: a certificate name, then the longest prefix, then an entry bound to the listener
  /// before one for any listener; of equals the first in the list. nullopt: refuse. The cost does not grow with the
  /// number of entries (R190).
  std::optional<Trusted> identify(const Source& source) const;

  std::size_t size() const { return hosts_.size(); }

 private:
  using Entries = std::vector<std::uint32_t>;  // indices into hosts_, in the order given

  const TrustedHost* best_of(const Entries& entries, std::string_view listener) const;

  std::vector<TrustedHost> hosts_;
  std::unordered_map<IpAddress, Entries> by_address_;             // masked address; one map for all lengths
  std::array<std::vector<std::uint8_t>, 2> lengths_;              // in use, longest first; v4, v6
  std::unordered_map<std::string, Entries> by_certificate_name_;  // lower case
};

}  // namespace isthmus::trust
