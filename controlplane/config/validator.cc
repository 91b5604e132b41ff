#include "controlplane/config/validator.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "dataplane/base/ip_prefix.h"

namespace isthmus::config {
namespace {

class Validator {
 public:
  Validator(const ControlPlane& config, const Lines& lines) : config_(config), lines_(lines) {}

  Problems run() {
    check_node();
    check_listeners();
    check_networks();
    check_zones();
    check_dial_plan();
    check_trusted_hosts();
    check_timers();
    check_rest();
    return std::move(problems_);
  }

 private:
  void add(const std::string& key, std::string message) {
    problems_.push_back({key, std::move(message), lines_.of(key)});
  }

  static std::string at(std::string_view table, std::size_t index, std::string_view key) {
    return std::string(table) + "[" + std::to_string(index) + "]." + std::string(key);
  }

  template <typename Named>
  void check_unique(std::string_view table, const std::vector<Named>& all) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!seen.insert(all[i].name).second) {
        add(at(table, i, "name"), "\"" + all[i].name + "\" is used twice");
      }
    }
  }

  template <typename Named>
  void check_reference(const std::string& key, std::string_view table, const std::string& name,
                       const std::vector<Named>& all) {
    if (name.empty() || std::ranges::find(all, name, &Named::name) != all.end()) return;
    std::string known;
    for (const Named& each : all) known += (known.empty() ? "\"" : ", \"") + each.name + "\"";
    add(key, "there is no [[" + std::string(table) + "]] \"" + name + "\" (known: " + (known.empty() ? "none" : known) +
                 ")");
  }

  static bool is_host_text(std::string_view host) {
    if (IpAddress::parse(host)) return true;
    const auto good = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
             c == '_';
    };
    return !host.empty() && std::ranges::all_of(host, good) && host.front() != '.' && host.front() != '-';
  }

  void check_host(const std::string& key, const std::string& host) {
    if (!host.empty() && !is_host_text(host)) add(key, "\"" + host + "\" is neither a host name nor an IP address");
  }

  void check_node() {
    if (config_.node.host_name.empty()) add("node.host_name", "must not be empty");
    check_host("node.host_name", config_.node.host_name);
  }

  void check_listeners() {
    if (config_.listeners.empty()) add("listener", "there is none: nobody could call; add a [[listener]]");
    check_unique("listener", config_.listeners);
    std::set<std::tuple<Transport, IpAddress, std::uint16_t>> seen;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const Listener& listener = config_.listeners[i];
      check_tls(i, listener);
      if (listener.address.is_multicast() || listener.address.is_broadcast()) {
        add(at("listener", i, "address"), to_string(listener.address) + " is not an address of one host");
      }
      if (listener.address.is_unspecified() && listener.advertised_host.empty()) {
        add(at("listener", i, "advertised_host"),
            "is needed with the address " + to_string(listener.address) + ", which no peer can answer to");
      }
      if (listener.port != 0 && !seen.insert({listener.transport, listener.address, listener.port}).second) {
        add(at("listener", i, "port"), "another listener has the same transport, address and port");
      }
      check_host(at("listener", i, "advertised_host"), listener.advertised_host);
      check_reference(at("listener", i, "zone"), "zone", listener.zone, config_.zones);
    }
  }

  /// What is in the files is looked at where there is a TLS library (app/configuration).
  void check_tls(std::size_t i, const Listener& listener) {
    const std::pair<std::string_view, const std::string&> files[] = {{"certificate", listener.certificate},
                                                                     {"private_key", listener.private_key},
                                                                     {"trusted_ca", listener.trusted_ca}};
    for (const auto& [key, file] : files) {
      if (listener.transport == Transport::kTls && file.empty()) {
        add(at("listener", i, key), "is missing: a TLS listener needs certificate, private_key and trusted_ca");
      } else if (listener.transport != Transport::kTls && !file.empty()) {
        add(at("listener", i, key), "is for transport \"tls\" alone");
      }
    }
  }

  void check_networks() {
    if (config_.networks.empty()) add("network", "there is none: media needs one; add a [[network]]");
    check_unique("network", config_.networks);
    for (std::size_t i = 0; i < config_.networks.size(); ++i) {
      const Network& network = config_.networks[i];
      if (!network.ipv4 && !network.ipv6) {
        add(at("network", i, "ipv4"), "the network has neither IPv4 nor IPv6");
      } else if (network.preferred == IpFamily::kV4 ? !network.ipv4 : !network.ipv6) {
        add(at("network", i, "preferred"), "is a family that the network does not have");
      }
    }
  }

  bool has_listener(Transport transport) const {
    return std::ranges::find(config_.listeners, transport, &Listener::transport) != config_.listeners.end();
  }

  void check_peers(std::size_t i, const Zone& zone) {
    const Listener* bound = config_.find_listener(zone.listener);
    for (std::size_t p = 0; p < zone.peers.size(); ++p) {
      const Peer& peer = zone.peers[p];
      const std::string path = at("zone", i, "peers[" + std::to_string(p) + "]");
      check_host(path + ".name", peer.name);
      if (!peer.name.empty() && peer.transport != Transport::kTls) {
        add(path + ".name", "is for transport \"tls\" alone: nothing else has a certificate");
      }
      if (bound != nullptr ? bound->transport != peer.transport : !has_listener(peer.transport)) {
        add(path + ".transport", bound != nullptr ? "differs from that of the zone's listener"
                                                  : "there is no listener with this transport to send from");
      }
      const auto address = IpAddress::parse(peer.host);
      if (!address) {
        check_host(path + ".host", peer.host);
      } else if (address->is_unspecified() || address->is_multicast() || address->is_broadcast()) {
        add(path + ".host", peer.host + " is not an address of one host");
      }
    }
  }

  bool has_tls(const Zone& zone) const {
    if (std::ranges::find(zone.peers, Transport::kTls, &Peer::transport) != zone.peers.end()) return true;
    return std::ranges::any_of(config_.listeners, [&zone](const Listener& listener) {
      return listener.transport == Transport::kTls && (listener.name == zone.listener || listener.zone == zone.name);
    });
  }

  void check_zones() {
    check_unique("zone", config_.zones);
    for (std::size_t i = 0; i < config_.zones.size(); ++i) {
      const Zone& zone = config_.zones[i];
      check_reference(at("zone", i, "listener"), "listener", zone.listener, config_.listeners);
      check_reference(at("zone", i, "network"), "network", zone.network, config_.networks);
      check_host(at("zone", i, "caller_domain"), zone.caller_domain);
      check_peers(i, zone);
      if (zone.session_minimum > zone.session_interval) {
        add(at("zone", i, "session_minimum_s"), "is more than session_interval_s (RFC 4028 4)");
      }
      if (zone.media_encryption == MediaEncryption::kRequired && !zone.keys_over_clear && !has_tls(zone)) {
        add(at("zone", i, "media_encryption"),
            "\"required\" needs signalling over TLS, and neither a peer nor the listener of the zone has it: no call "
            "could be encrypted. In a laboratory, keys_over_clear = true sends the keys in the clear");
      }
    }
  }

  void check_dial_plan() {
    check_unique("transform", config_.transforms);
    check_unique("search_rule", config_.search_rules);
    for (std::size_t i = 0; i < config_.transforms.size(); ++i) {
      const Transform& transform = config_.transforms[i];
      if (transform.action == TransformAction::kPattern && transform.pattern.empty()) {
        add(at("transform", i, "pattern"), "is missing");
      }
    }
    for (std::size_t i = 0; i < config_.search_rules.size(); ++i) {
      const SearchRule& rule = config_.search_rules[i];
      check_reference(at("search_rule", i, "target_zone"), "zone", rule.target_zone, config_.zones);
      check_reference(at("search_rule", i, "source_zone"), "zone", rule.source_zone, config_.zones);
      check_host(at("search_rule", i, "caller_domain"), rule.caller_domain);
      if (rule.mode == RuleMode::kAliasPattern && rule.pattern.empty()) {
        add(at("search_rule", i, "pattern"), "is missing (mode is \"alias_pattern\")");
      }
      const Zone* target = config_.find_zone(rule.target_zone);
      if (rule.enabled && target != nullptr && target->peers.empty()) {
        add(at("search_rule", i, "target_zone"), "zone \"" + rule.target_zone + "\" has no peers to send calls to");
      }
    }
  }

  void check_trusted_hosts() {
    check_unique("trusted_host", config_.trusted_hosts);
    for (std::size_t i = 0; i < config_.trusted_hosts.size(); ++i) {
      const TrustedHost& host = config_.trusted_hosts[i];
      check_reference(at("trusted_host", i, "zone"), "zone", host.zone, config_.zones);
      check_reference(at("trusted_host", i, "listener"), "listener", host.listener, config_.listeners);
      if (host.network.empty() == host.certificate_name.empty()) {
        add(at("trusted_host", i, "network"), "give either network or certificate_name");
      } else if (!host.network.empty() && !IpPrefix::parse(host.network)) {
        add(at("trusted_host", i, "network"),
            "\"" + host.network + "\" is neither an IP address nor address/bits such as \"10.10.0.0/16\"");
      }
    }
  }

  void check_timers() {
    if (config_.timers.t1 > config_.timers.t2) add("timers.t2_ms", "is less than t1_ms (RFC 3261 17.1.2.1)");
  }

  void check_rest() {
    if (!config_.rest.address.is_loopback()) {
      add("rest.address", "must be a loopback address: off loopback the interface needs TLS, which does not exist yet");
    }
    if (config_.rest.allowed_hosts.empty()) add("rest.allowed_hosts", "is empty: every request would be refused");
  }

  const ControlPlane& config_;
  const Lines& lines_;
  Problems problems_;
};

}  // namespace

Problems validate(const ControlPlane& config, const Lines& lines) { return Validator(config, lines).run(); }

}  // namespace isthmus::config
