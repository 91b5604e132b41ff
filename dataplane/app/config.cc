#include "dataplane/app/config.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "dataplane/app/config_off_kernel.h"
#include "dataplane/app/config_reader.h"
#include "dataplane/wire/vlan_tag.h"

namespace isthmus::app {
namespace {

constexpr std::size_t kMaxConfigBytes = 1024 * 1024;
constexpr std::size_t kMaxInterfaceBytes = 15;  // IFNAMSIZ without the zero
constexpr std::size_t kMaxDeviceBytes = 256;
constexpr std::size_t kMaxNetworkNameBytes = 32;  // contract::kMaxNetworkNameBytes
constexpr std::int64_t kFirstPoolPort = 1024;     // below are the system's ports (RFC 6335 6)
constexpr std::int64_t kSmallestMtu = 1280;       // RFC 8200 5
constexpr std::int64_t kLargestMtu = 1500;        // the packet socket's frames hold no more
constexpr std::int64_t kLongestAbsenceMinutes = 24 * 60;

void read_worker_cpus(TableReader& reader, Config& config) {
  const toml::node* node = reader.take("worker_cpus");
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  constexpr std::int64_t kHighestCpu = 1023;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const auto cpu = (*list)[i].value_exact<std::int64_t>();
    if (!cpu || *cpu < 0 || *cpu > kHighestCpu) {
      list = nullptr;
      break;
    }
    config.worker_cpus.push_back(static_cast<unsigned>(*cpu));
  }
  if (list == nullptr) {
    reader.report("worker_cpus", "expected a list of CPU numbers");
  } else if (config.worker_cpus.size() != config.workers) {
    reader.report("worker_cpus", "expected one CPU for each of the " + std::to_string(config.workers) + " worker(s)");
  }
}

void read_dataplane(const toml::table& table, Config& config, ConfigProblems& problems) {
  static constexpr std::pair<std::string_view, io::Mode> kModes[] = {
      {"auto", io::Mode::kAuto},          {"pci", io::Mode::kPci},       {"af_xdp", io::Mode::kAfXdp},
      {"af_packet", io::Mode::kAfPacket}, {"socket", io::Mode::kSocket}, {"pcap", io::Mode::kPcap},
      {"ring", io::Mode::kRing},          {"memif", io::Mode::kMemif}};
  static constexpr std::pair<std::string_view, worker::IdlePolicy> kIdle[] = {{"nap", worker::IdlePolicy::kNap},
                                                                              {"poll", worker::IdlePolicy::kPoll}};
  static constexpr std::pair<std::string_view, crypto::EngineChoice> kSrtp[] = {
      {"auto", crypto::EngineChoice::kAuto},
      {"ipsec-mb", crypto::EngineChoice::kIpsecMb},
      {"libsrtp2", crypto::EngineChoice::kLibsrtp2}};
  static constexpr std::pair<std::string_view, log::Level> kLevels[] = {{"debug", log::Level::kDebug},
                                                                        {"info", log::Level::kInfo},
                                                                        {"warn", log::Level::kWarn},
                                                                        {"error", log::Level::kError}};
  TableReader reader(table, "dataplane", problems);
  reader.word("io_mode", kModes, config.io_mode);
  reader.word("idle", kIdle, config.idle);
  reader.word("srtp_engine", kSrtp, config.srtp_engine);
  reader.number("workers", 1, static_cast<std::int64_t>(io::kMaxWorkers), config.workers);
  read_worker_cpus(reader, config);
  reader.flag("huge_pages", config.huge_pages);
  reader.flag("tx_checksum_offload", config.tx_checksum_offload);
  if (config.tx_checksum_offload && config.io_mode != io::Mode::kPci && config.io_mode != io::Mode::kAuto) {
    reader.report("tx_checksum_offload", "is for io_mode = \"pci\" or \"auto\": the others have no NIC of their own");
  }
  reader.flag("media_over_tcp", config.media_over_tcp);
  reader.text("contract_socket", config.contract_socket);
  reader.text("run_directory", config.run_directory);
  reader.number("control_plane_absent_minutes", 1, kLongestAbsenceMinutes, config.control_plane_absent_minutes);
  reader.word("log_level", kLevels, config.log_level);
  read_replay(reader, config);
  reader.refuse_unknown();
}

/// Why the data plane cannot have a media address there, or empty. Loopback is for trials in socket mode.
std::string_view why_no_media_address(const IpAddress& address, io::Mode mode) {
  if (address.is_unspecified()) return "is the unspecified address: every media address is named";
  if (address.is_multicast() || address.is_broadcast()) return "is no unicast address";
  if (address.is_link_local()) return "is link-local: peers elsewhere cannot reach it";
  if (address.is_loopback() && mode != io::Mode::kSocket)
    return "is a loopback address, which needs io_mode = \"socket\"";
  return {};
}

void read_addresses(TableReader& reader, const Config& config, io::Network& network) {
  const toml::node* node = reader.take("addresses");
  const toml::array* list = node != nullptr ? node->as_array() : nullptr;
  if (list == nullptr || list->empty() || list->size() > io::kMaxNetworkAddresses) {
    reader.report("addresses", "expected a list of 1 to " + std::to_string(io::kMaxNetworkAddresses) + " IP addresses");
    return;
  }
  for (const toml::node& item : *list) {
    const auto text = item.value_exact<std::string>();
    const auto address = IpAddress::parse(text.value_or(""));
    if (!address) {
      reader.report("addresses", "'" + text.value_or("?") + "' is no IP address");
      continue;
    }
    if (const auto why = why_no_media_address(*address, config.io_mode); !why.empty()) {
      reader.report("addresses", *text + " " + std::string(why));
      continue;
    }
    const auto uses = [&](const io::Network& other) {
      return std::find(other.addresses.begin(), other.addresses.end(), *address) != other.addresses.end();
    };
    if (uses(network) || std::any_of(config.networks.begin(), config.networks.end(), uses)) {
      reader.report("addresses", *text + " is there twice: an address has one pool");
      continue;
    }
    network.addresses.push_back(*address);
  }
}

bool is_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

/// pci: a device and its TAP twin belong together, whichever networks are on them.
void read_device(TableReader& reader, const Config& config, io::Network& network) {
  reader.text("device", network.device);
  if (network.device.size() > kMaxDeviceBytes || network.device.find_first_of(" \t\"'\\") != std::string::npos) {
    reader.report("device", "expected a PCI address (\"0000:03:00.0\") or a device of DPDK with its arguments");
  }
  if (network.device.empty() && config.io_mode == io::Mode::kPci) {
    reader.report("device", "is missing: io_mode = \"pci\" needs it");
  }
  if (!network.device.empty() && config.io_mode != io::Mode::kPci && config.io_mode != io::Mode::kAuto) {
    reader.report("device", "is for io_mode = \"pci\" or \"auto\"");
  }
  for (const io::Network& other : config.networks) {
    if (other.device.empty() && network.device.empty()) continue;
    if ((other.device == network.device) == (other.interface == network.interface)) continue;
    reader.report("device", "network '" + other.name + "' has " +
                                (other.device == network.device ? "this device with another interface"
                                                                : "this interface with another device"));
  }
}

/// The tag of a device's frames: of all networks on it.
void read_vlan(TableReader& reader, const Config& config, io::Network& network) {
  reader.number("vlan", 1, wire::kHighestVlan, network.vlan);
  const bool kernels = config.io_mode == io::Mode::kAfXdp || config.io_mode == io::Mode::kAfPacket ||
                       config.io_mode == io::Mode::kSocket;
  if (network.vlan != 0 && (kernels || (config.io_mode == io::Mode::kAuto && network.device.empty()))) {
    reader.report("vlan", "is the kernel's in this io_mode: name its VLAN interface");
  }
  for (const io::Network& other : config.networks) {
    if (network.device.empty() || other.device != network.device || other.vlan == network.vlan) continue;
    reader.report("vlan", "network '" + other.name + "' is on this device with another");
  }
}

void read_network(const toml::table& table, std::size_t index, Config& config, ConfigProblems& problems) {
  TableReader reader(table, "network[" + std::to_string(index) + "]", problems);
  io::Network network;
  reader.text("name", network.name);
  if (network.name.empty() || network.name.size() > kMaxNetworkNameBytes || !is_name(network.name)) {
    reader.report("name", "expected 1 to 32 of a-z, 0-9, '-' and '_'");
  }
  const auto same_name = [&](const io::Network& other) { return other.name == network.name; };
  if (std::any_of(config.networks.begin(), config.networks.end(), same_name)) {
    reader.report("name", "'" + network.name + "' is there twice");
  }
  reader.text("interface", network.interface);
  if (network.interface.size() > kMaxInterfaceBytes || network.interface.find_first_of(" /,=") != std::string::npos) {
    reader.report("interface", "expected the name of a network interface");
  }
  const bool names_interface =
      config.io_mode == io::Mode::kPci || config.io_mode == io::Mode::kAfXdp || config.io_mode == io::Mode::kAfPacket;
  if (!network.interface.empty() && !io::has_kernel_interface(config.io_mode)) {
    reader.report("interface",
                  "io_mode = \"" + std::string(to_string(config.io_mode)) + "\" uses no interface of the kernel");
  }
  if (network.interface.empty() && names_interface) {
    reader.report("interface", "is missing: io_mode = \"" + std::string(to_string(config.io_mode)) + "\" needs it");
  }
  read_device(reader, config, network);
  read_off_kernel(reader, config, network);
  read_addresses(reader, config, network);
  const std::size_t problems_before_ports = problems.size();
  reader.number("first_port", kFirstPoolPort, 65535, network.first_port);
  reader.number("last_port", kFirstPoolPort, 65535, network.last_port);
  if (problems.size() == problems_before_ports && network.last_port <= network.first_port) {
    reader.report("last_port", "expected a port above first_port");
  }
  reader.number("mtu", kSmallestMtu, kLargestMtu, network.mtu);
  read_vlan(reader, config, network);
  reader.refuse_unknown();
  config.networks.push_back(std::move(network));
}

void read_networks(TableReader& root, Config& config, ConfigProblems& problems) {
  const toml::node* node = root.take("network");
  const toml::array* list = node != nullptr ? node->as_array() : nullptr;
  if (list == nullptr || !list->is_homogeneous<toml::table>() || list->size() > io::kMaxNetworks) {
    root.report("network", "expected 1 to " + std::to_string(io::kMaxNetworks) + " [[network]] tables");
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) read_network(*(*list)[i].as_table(), i, config, problems);
  const auto has_capture = [](const io::Network& network) { return !network.capture_in.empty(); };
  if (config.io_mode == io::Mode::kPcap && std::none_of(config.networks.begin(), config.networks.end(), has_capture)) {
    root.report("network", "none has a capture_in: io_mode = \"pcap\" needs one at least");
  }
}

}  // namespace

tl::expected<Config, ConfigProblems> parse_config(std::string_view text) {
  ConfigProblems problems;
  Config config;
  try {
    const toml::table root = toml::parse(text);
    TableReader reader(root, "", problems);
    const toml::node* dataplane = reader.take("dataplane");
    if (dataplane != nullptr && dataplane->is_table()) {
      read_dataplane(*dataplane->as_table(), config, problems);
    } else {
      reader.report("dataplane", dataplane != nullptr ? "expected a table" : "the table [dataplane] is missing");
    }
    read_networks(reader, config, problems);
    reader.refuse_unknown();
  } catch (const toml::parse_error& error) {
    problems.push_back({error.source().begin.line, "", std::string(error.description())});
  }
  if (problems.empty()) return config;
  std::sort(problems.begin(), problems.end());
  return tl::unexpected(std::move(problems));
}

tl::expected<Config, ConfigProblems> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), std::ssize(text));
  if (!file.is_open() || file.bad()) return tl::unexpected(ConfigProblems{{0, "", "the file cannot be read"}});
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxConfigBytes) return tl::unexpected(ConfigProblems{{0, "", "the file is larger than 1 MiB"}});
  return parse_config(text);
}

std::string to_text(const ConfigProblems& problems, std::string_view file) {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += std::string(file) + ":" + std::to_string(problem.line) + ": ";
    if (!problem.key.empty()) text += problem.key + ": ";
    text += problem.message + "\n";
  }
  return text;
}

}  // namespace isthmus::app
