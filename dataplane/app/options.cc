#include "dataplane/app/options.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace isthmus::app {

const char* const kHelp = R"(usage: isthmus-dataplane [--config FILE] [option...]

Forwards the media of calls. Sessions are opened over the contract's socket; the control plane is one that does.

  --config FILE           configuration (default /etc/isthmus/dataplane.toml)
  --check-config          read the configuration, say what is wrong with it, start nothing
  --contract-socket PATH  listen for the control plane there (default: contract_socket of the configuration)
  --contract-fd N         take the listening seqpacket socket N from the parent instead of making one
  --index-memory-fd N     memory file of the supervisor for SRTP index state
  --clean-up              take away what a killed run left on this host (XDP program, nf_tables), then end
  --version               print the version
  --help                  print this

Configuration (TOML; an unknown key is an error):

  [dataplane]
  io_mode = "auto"            # auto, pci, af_xdp, af_packet, socket, or without the kernel: pcap, ring, memif; a mode
                              # that is named is used or the start fails
  idle = "nap"                # nap: sleep when idle; poll: never sleep (a core of its own)
  workers = 1                 # packet threads; a session lives on one of them
  worker_cpus = [1]           # one a worker; absent: the scheduler's choice
  huge_pages = true           # use them where they are free
  tx_checksum_offload = false # pci: UDP checksums by the NIC; for NICs whose driver stays fast with it, and large packets
  media_over_tcp = true       # for peers that have nothing else (RFC 4571)
  contract_socket = "/run/isthmus/dataplane.sock"
  run_directory = "/run/isthmus"      # notes that let the next run clean up after a killed one; a RUNTIME_DIRECTORY
                              # in the environment comes first (supervisor, systemd)
  control_plane_absent_minutes = 10   # then sessions without media are ended
  log_level = "info"          # debug, info, warn, error

  [[network]]                 # one a media network
  name = "left"
  interface = "gw-left"       # may be absent in socket mode
  addresses = ["192.0.2.1", "2001:db8:1::1"]
  first_port = 56000          # the pool of each address, inclusive
  last_port = 57000
  mtu = 1500

  pci, of a network: device = "0000:03:00.0" (interface is its TAP twin).
  vlan = 7                    # tag of all frames on the device, in pci, pcap, ring, memif; else the kernel's VLAN interface
  pcap, ring, memif: addresses are nobody else's, and no kernel knows where packets go.
  mac = "02:00:00:00:00:01"   # ours; absent: the device's
  capture_in = "in.pcap"      # pcap: frames that come in (libpcap's format, Ethernet); absent: none
  capture_out = "out.pcap"    # pcap: what is sent; absent: it goes nowhere
  memif_socket = "/run/isthmus/left.sock"   # memif: shared memory with another process; what ring sends comes back
  memif_id = 0
  memif_role = "server"       # server, client
  [[network.next_hop]]        # one at least; the longest prefix counts
  to = "192.0.2.0/24"
  mac = "02:00:00:00:00:02"
  pcap, in [dataplane]: replay_after_ports = 0 (captures wait until so many ports are in use), replay_passes = 1 (0: no end).

Signals: SIGTERM and SIGINT end it and give the interfaces back; SIGUSR1 ends it for a restart: the kernel goes on dropping
what comes for the pools meanwhile. SIGHUP does nothing: the configuration is read at the start only.
Exit status: 0 ended as asked, 1 cannot start or go on, 2 wrong command line or configuration.
)";

namespace {

struct Option {
  std::string_view name;
  bool Options::* flag = nullptr;
  std::string Options::* text = nullptr;
  int Options::* number = nullptr;
};

constexpr Option kOptions[] = {
    {"--config", nullptr, &Options::config, nullptr},
    {"--check-config", &Options::check_config, nullptr, nullptr},
    {"--contract-socket", nullptr, &Options::contract_socket, nullptr},
    {"--contract-fd", nullptr, nullptr, &Options::contract_fd},
    {"--index-memory-fd", nullptr, nullptr, &Options::index_memory_fd},
    {"--clean-up", &Options::clean_up, nullptr, nullptr},
    {"--version", &Options::version, nullptr, nullptr},
    {"--help", &Options::help, nullptr, nullptr},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

}  // namespace

Result<Options> parse_options(std::span<const std::string> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    std::optional<std::string> value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const Option* option = find_option(name);
    if (option == nullptr) return fail(ErrorKind::kInvalidArgument, "is no known option (see --help)", name);
    if (option->flag != nullptr) {
      if (value) return fail(ErrorKind::kInvalidArgument, "takes no value", name);
      options.*option->flag = true;
      continue;
    }
    if (!value && i + 1 < arguments.size()) value = arguments[++i];
    if (!value || value->empty()) return fail(ErrorKind::kInvalidArgument, "needs a value", name);
    if (option->text != nullptr) {
      options.*option->text = *value;
      continue;
    }
    int number = -1;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc{} || end != value->data() + value->size() || number < 0) {
      return fail(ErrorKind::kInvalidArgument, "expected a descriptor's number, got '" + *value + "'", name);
    }
    options.*option->number = number;
  }
  return options;
}

}  // namespace isthmus::app
