#include "controlplane/trust/trust_table.h"

#include <algorithm>
#include <cctype>
#include <functional>

namespace isthmus::trust {
namespace {

/// As the names of certificates come: addresses in their one form, names in lower case (RFC 5922 7.2).
std::string normalised(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return isthmus::to_string(*address);
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// A v4 peer on a dual-stack socket arrives as ::ffff:a.b.c.d (RFC 4291 2.5.5.2) and is the same host.
IpAddress unmapped(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.is_v4() || !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
  return IpAddress::v4(address.bytes[12], address.bytes[13], address.bytes[14], address.bytes[15]);
}

}  // namespace

Result<std::vector<TrustedHost>> trusted_hosts_of(const config::ControlPlane& configuration) {
  std::vector<TrustedHost> hosts;
  for (std::size_t i = 0; i < configuration.trusted_hosts.size(); ++i) {
    const config::TrustedHost& listed = configuration.trusted_hosts[i];
    TrustedHost host{listed.name, std::nullopt, listed.certificate_name, listed.listener, listed.zone};
    if (!listed.network.empty()) {
      auto network = IpPrefix::parse(listed.network);
      if (!network) {
        const std::string field = "trusted_host[" + std::to_string(i) + "].network";
        return fail(network.error().kind, network.error().message, field);
      }
      host.network = *network;
    }
    hosts.push_back(std::move(host));
  }
  for (const config::Zone& zone : configuration.zones) {
    for (const config::Peer& peer : zone.peers) {
      if (peer.transport == config::Transport::kTls) {
        hosts.push_back({"peer of " + zone.name, std::nullopt, config::name_of(peer), zone.listener, zone.name});
      }
      const auto network = IpPrefix::parse(peer.host);
      if (!network) continue;  // a name: the caller resolves it
      hosts.push_back({"peer of " + zone.name, *network, "", zone.listener, zone.name});
    }
  }
  for (const config::Listener& listener : configuration.listeners) {
    if (listener.zone.empty()) continue;
    for (const IpAddress& any : {IpAddress::v4(0), IpAddress::v6({})}) {
      hosts.push_back({"anybody at " + listener.name, IpPrefix{any, 0}, "", listener.name, listener.zone});
    }
  }
  return hosts;
}

TrustTable::TrustTable(std::vector<TrustedHost> hosts) : hosts_(std::move(hosts)) {
  for (std::uint32_t i = 0; i < hosts_.size(); ++i) {
    const TrustedHost& host = hosts_[i];
    if (host.network) {
      auto& lengths = lengths_[host.network->address.is_v4() ? 0 : 1];
      if (std::find(lengths.begin(), lengths.end(), host.network->bits) == lengths.end()) {
        lengths.push_back(host.network->bits);
      }
      by_address_[host.network->address].push_back(i);
    } else if (!host.certificate_name.empty()) {
      by_certificate_name_[normalised(host.certificate_name)].push_back(i);
    }
  }
  for (auto& lengths : lengths_) std::sort(lengths.begin(), lengths.end(), std::greater<>());
}

const TrustedHost* TrustTable::best_of(const Entries& entries, std::string_view listener) const {
  const TrustedHost* any = nullptr;
  for (const std::uint32_t i : entries) {
    const TrustedHost& host = hosts_[i];
    if (host.listener.empty()) {
      if (any == nullptr) any = &host;
    } else if (host.listener == listener) {
      return &host;
    }
  }
  return any;
}

std::optional<Trusted> TrustTable::identify(const Source& source) const {
  for (const std::string& name : source.verified_names) {
    const auto found = by_certificate_name_.find(normalised(name));
    if (found == by_certificate_name_.end()) continue;
    if (const TrustedHost* host = best_of(found->second, source.listener)) return Trusted{host->zone, host->name};
  }
  const IpAddress address = unmapped(source.address);
  for (const std::uint8_t bits : lengths_[address.is_v4() ? 0 : 1]) {
    if (source.by_name_only && bits != 0) continue;
    const auto found = by_address_.find(masked(address, bits));
    if (found == by_address_.end()) continue;
    // One masked address may be listed with several lengths (10.0.0.0/8 and 10.0.0.0/16).
    Entries of_this_length;
    for (const std::uint32_t i : found->second) {
      if (hosts_[i].network->bits == bits) of_this_length.push_back(i);
    }
    const TrustedHost* host = best_of(of_this_length, source.listener);
    if (host != nullptr && (!source.by_name_only || !host->listener.empty())) return Trusted{host->zone, host->name};
  }
  return std::nullopt;
}

}  // namespace isthmus::trust
