#include "dataplane/app/config_off_kernel.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace isthmus::app {
namespace {

constexpr std::size_t kMaxNextHops = 256;
constexpr std::size_t kMaxPathBytes = 107;  // sun_path without the zero (unix(7))
constexpr std::int64_t kMostPasses = 1'000'000;
constexpr std::int64_t kMostPorts = 1'000'000;
constexpr std::string_view kNextHop = "next_hop";

std::string mode_is(io::Mode mode) { return "io_mode = \"" + std::string(to_string(mode)) + "\""; }

/// "02:00:00:00:00:01"; of one station (IEEE 802 8.2: the first octet is even) and not all zero.
std::optional<io::MacAddress> parse_mac(std::string_view text) {
  io::MacAddress mac{};
  if (text.size() != 3 * mac.size() - 1) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* begin = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, mac[i], 16);
    if (error != std::errc{} || end != begin + 2) return std::nullopt;
    if (i + 1 < mac.size() && *end != ':') return std::nullopt;
  }
  if ((mac[0] & 1U) != 0 || mac == io::MacAddress{}) return std::nullopt;
  return mac;
}

/// `name` was given, or not, as the mode wants it. True: it is there and may be.
bool is_wanted(TableReader& reader, std::string_view name, bool there, io::Mode mode, io::Mode wanted) {
  if (there && mode != wanted) reader.report(name, "is for " + mode_is(wanted));
  return there && mode == wanted;
}

void read_path(TableReader& reader, std::string_view name, io::Mode mode, io::Mode wanted, std::string& path) {
  reader.text(name, path);
  if (!is_wanted(reader, name, !path.empty(), mode, wanted)) return;
  // The characters part the arguments that DPDK takes a device with.
  if (path.size() > kMaxPathBytes || path.find_first_of(",=[]\"' \t") != std::string::npos) {
    reader.report(name, "expected a path of at most " + std::to_string(kMaxPathBytes) +
                            " bytes without spaces, quotes and the characters , = [ ]");
  }
}

void read_captures(TableReader& reader, const Config& config, io::Network& network) {
  read_path(reader, "capture_in", config.io_mode, io::Mode::kPcap, network.capture_in);
  read_path(reader, "capture_out", config.io_mode, io::Mode::kPcap, network.capture_out);
  if (network.capture_out.empty()) return;
  for (const io::Network& other : config.networks) {
    if (other.capture_out == network.capture_out || other.capture_in == network.capture_out) {
      reader.report("capture_out", "network '" + other.name + "' has this file already");
    }
  }
  if (network.capture_in == network.capture_out) reader.report("capture_out", "is capture_in too");
}

void read_memif(TableReader& reader, const Config& config, io::Network& network) {
  constexpr std::pair<std::string_view, bool> kRoles[] = {{"server", true}, {"client", false}};
  constexpr std::int64_t kHighestId = UINT32_MAX;
  read_path(reader, "memif_socket", config.io_mode, io::Mode::kMemif, network.memif.socket);
  reader.number("memif_id", 0, kHighestId, network.memif.id);
  is_wanted(reader, "memif_id", reader.has("memif_id"), config.io_mode, io::Mode::kMemif);
  reader.word("memif_role", kRoles, network.memif.server);
  const bool has_role = is_wanted(reader, "memif_role", reader.has("memif_role"), config.io_mode, io::Mode::kMemif);
  if (config.io_mode != io::Mode::kMemif) return;
  if (network.memif.socket.empty()) reader.report("memif_socket", "is missing: io_mode = \"memif\" needs it");
  if (!has_role) reader.report("memif_role", "is missing: one side is the server, the other the client");
  for (const io::Network& other : config.networks) {
    if (network.memif.socket.empty() || other.memif.socket != network.memif.socket) continue;
    if (other.memif.id == network.memif.id)
      reader.report("memif_id", "network '" + other.name + "' has it on this socket");
    if (other.memif.server != network.memif.server) {
      reader.report("memif_role", "network '" + other.name + "' has another on this socket");
    }
  }
}

void read_mac(TableReader& reader, const Config& config, io::Network& network) {
  std::string text;
  reader.text("mac", text);
  if (text.empty() && !reader.has("mac")) return;
  network.mac = parse_mac(text);
  if (io::has_kernel_interface(config.io_mode)) {
    reader.report("mac", "is the interface's in " + mode_is(config.io_mode));
  } else if (!network.mac) {
    reader.report("mac", "expected an address of one station (\"02:00:00:00:00:01\")");
  }
}

void read_next_hop(TableReader reader, io::Network& network) {
  std::string text;
  io::StaticNextHop hop;
  reader.text("to", text);
  const auto prefix = IpPrefix::parse(text);
  if (!prefix) reader.report("to", "expected addresses (\"192.0.2.0/24\", \"2001:db8::/32\", \"198.51.100.7\")");
  std::string mac_text;
  reader.text("mac", mac_text);
  const auto mac = parse_mac(mac_text);
  if (!mac) reader.report("mac", "expected an address of one station (\"02:00:00:00:00:02\")");
  reader.refuse_unknown();
  const auto same = [&](const io::StaticNextHop& other) { return other.prefix == *prefix; };
  if (prefix && std::any_of(network.next_hops.begin(), network.next_hops.end(), same)) {
    reader.report("to", "is there twice");
  }
  if (prefix) hop.prefix = *prefix;
  hop.mac = mac.value_or(io::MacAddress{});
  network.next_hops.push_back(hop);
}

void read_next_hops(TableReader& reader, const Config& config, io::Network& network) {
  const toml::node* node = reader.take(kNextHop);
  if (io::has_kernel_interface(config.io_mode)) {
    if (node != nullptr)
      reader.report(kNextHop, "the kernel's routes and neighbours count in " + mode_is(config.io_mode));
    return;
  }
  const toml::array* list = node != nullptr ? node->as_array() : nullptr;
  if (node == nullptr) {
    reader.report(kNextHop, "is missing: in " + mode_is(config.io_mode) +
                                " no kernel knows where packets go; give [[network.next_hop]] with to and mac");
  } else if (list == nullptr || !list->is_homogeneous<toml::table>() || list->size() > kMaxNextHops) {
    reader.report(kNextHop, "expected 1 to " + std::to_string(kMaxNextHops) + " [[network.next_hop]] tables");
  } else {
    for (std::size_t i = 0; i < list->size(); ++i) {
      read_next_hop(reader.below(*(*list)[i].as_table(), std::string(kNextHop) + "[" + std::to_string(i) + "]"),
                    network);
    }
  }
}

}  // namespace

void read_replay(TableReader& reader, Config& config) {
  for (const std::string_view name : {"replay_after_ports", "replay_passes"}) {
    is_wanted(reader, name, reader.has(name), config.io_mode, io::Mode::kPcap);
  }
  reader.number("replay_after_ports", 0, kMostPorts, config.replay.after_ports);
  reader.number("replay_passes", 0, kMostPasses, config.replay.passes);
}

void read_off_kernel(TableReader& reader, const Config& config, io::Network& network) {
  read_captures(reader, config, network);
  read_memif(reader, config, network);
  read_mac(reader, config, network);
  read_next_hops(reader, config, network);
}

}  // namespace isthmus::app
