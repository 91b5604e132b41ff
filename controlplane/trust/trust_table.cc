#include "controlplane/trust/trust_table.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>

namespace isthmus::trust {
namespace {

std::uint8_t full_length(IpFamily family) { return family == IpFamily::kV4 ? 32 : 128; }

IpAddress masked(IpAddress address, std::uint8_t bits) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const std::size_t first_bit = i * 8;
    if (first_bit >= bits) {
      address.bytes[i] = 0;
    } else if (bits - first_bit < 8) {
      address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> (bits - first_bit)));
    }
  }
  return address;
}

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

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return forward_error(address);
  Network network{*address, full_length(address->family)};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || bits > full_length(address->family)) {
      return fail(ErrorKind::kMalformedInput, "the prefix length must be 0 to 32 (IPv4) or 0 to 128 (IPv6)", "network");
    }
    network.prefix_bits = static_cast<std::uint8_t>(bits);
  }
  network.address = masked(network.address, network.prefix_bits);
  return network;
}

bool Network::contains(const IpAddress& candidate) const {
  return candidate.family == address.family && masked(candidate, prefix_bits) == address;
}

std::string to_string(const Network& network) {
  return isthmus::to_string(network.address) + "/" + std::to_string(network.prefix_bits);
}

Result<std::vector<TrustedHost>> trusted_hosts_of(const config::ControlPlane& configuration) {
  std::vector<TrustedHost> hosts;
  for (std::size_t i = 0; i < configuration.trusted_hosts.size(); ++i) {
    const config::TrustedHost& listed = configuration.trusted_hosts[i];
    TrustedHost host{listed.name, std::nullopt, listed.certificate_name, listed.listener, listed.zone};
    if (!listed.network.empty()) {
      auto network = Network::parse(listed.network);
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
      const auto network = Network::parse(peer.host);
      if (!network) continue;  // a name: the caller resolves it
      hosts.push_back({"peer of " + zone.name, *network, "", zone.listener, zone.name});
    }
  }
  for (const config::Listener& listener : configuration.listeners) {
    if (listener.zone.empty()) continue;
    for (const IpAddress& any : {IpAddress::v4(0), IpAddress::v6({})}) {
      hosts.push_back({"anybody at " + listener.name, Network{any, 0}, "", listener.name, listener.zone});
    }
  }
  return hosts;
}

TrustTable::TrustTable(std::vector<TrustedHost> hosts) : hosts_(std::move(hosts)) {
  for (std::uint32_t i = 0; i < hosts_.size(); ++i) {
    const TrustedHost& host = hosts_[i];
    if (host.network) {
      auto& lengths = lengths_[host.network->address.is_v4() ? 0 : 1];
      if (std::find(lengths.begin(), lengths.end(), host.network->prefix_bits) == lengths.end()) {
        lengths.push_back(host.network->prefix_bits);
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
      if (hosts_[i].network->prefix_bits == bits) of_this_length.push_back(i);
    }
    const TrustedHost* host = best_of(of_this_length, source.listener);
    if (host != nullptr && (!source.by_name_only || !host->listener.empty())) return Trusted{host->zone, host->name};
  }
  return std::nullopt;
}

}  // namespace isthmus::trust
