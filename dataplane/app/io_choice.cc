#include "dataplane/app/io_choice.h"

#include <ifaddrs.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "dataplane/app/rights.h"
#include "dataplane/base/log.h"
#include "dataplane/io/socket_address.h"
#include "dataplane/io/socket_io.h"
#if ISTHMUS_DPDK
#include "dataplane/io/dpdk/dpdk_engine.h"
#endif

namespace isthmus::app {
namespace {

Result<std::unique_ptr<io::Engine>> open_sockets(const Config& config) {
  auto engine = io::SocketEngine::make(config.networks, config.workers);
  if (!engine) return forward_error(engine);
  return std::unique_ptr<io::Engine>(std::move(*engine));
}

#if ISTHMUS_DPDK

// The EAL starts once a process; every mode on it shares that start, and its failure.
const Status& start_dpdk(const Config& config) {
  static const Status status = [&]() -> Status {
    const std::size_t memory = io::dpdk::DpdkEngine::memory_mb(config.io_mode, config.networks, config.workers);
    io::dpdk::EalSettings settings{memory, config.huge_pages, {}};
    for (const io::Network& network : config.networks) {
      settings.every_driver |= !network.device.empty();
      const bool is_new = std::ranges::find(settings.pci_devices, network.device) == settings.pci_devices.end();
      if (is_new && io::dpdk::is_pci_address(network.device.substr(0, network.device.find(',')))) {
        settings.pci_devices.push_back(network.device);
      }
    }
    const auto started = io::dpdk::start_eal(settings);
    if (!started) return forward_error(started);
    log::info("io.dpdk_started", {{"memory", *started}});
    return {};
  }();
  return status;
}

Result<std::unique_ptr<io::dpdk::DpdkEngine>> make_dpdk_engine(io::Mode mode, const Config& config) {
  using io::dpdk::DpdkEngine;
  if (!io::has_kernel_interface(mode)) {
    return DpdkEngine::open_off_kernel(mode, config.networks, config.workers, config.replay);
  }
  if (mode == io::Mode::kPci) return DpdkEngine::open_pci(config.networks, config.workers, config.tx_checksum_offload);
  if (mode == io::Mode::kAfPacket) return DpdkEngine::open_af_packet(config.networks, config.workers);
  return DpdkEngine::open_af_xdp(config.networks, config.workers, config.run_directory);
}

Result<std::unique_ptr<io::Engine>> open_on_dpdk(io::Mode mode, const Config& config) {
  for (const io::Network& network : config.networks) {
    if (!network.interface.empty() || !io::has_kernel_interface(mode)) continue;
    return fail(ErrorKind::kInvalidArgument, "network '" + network.name + "' names no interface", "interface");
  }
  if (const std::string missing = missing_rights(mode, own_rights()); !missing.empty()) {
    return fail(ErrorKind::kDenied, "needs " + missing);
  }
  if (const Status& started = start_dpdk(config); !started) return forward_error(started);
  auto engine = make_dpdk_engine(mode, config);
  if (!engine) return forward_error(engine);
  return std::unique_ptr<io::Engine>(std::move(*engine));
}

#else

Result<std::unique_ptr<io::Engine>> open_on_dpdk(io::Mode /*mode*/, const Config& /*config*/) {
  return fail(ErrorKind::kUnavailable, "this program was built without DPDK", "io_mode");
}

#endif

}  // namespace

Result<std::unique_ptr<io::Engine>> SystemIoOpener::open(io::Mode mode, const Config& config) {
  return mode == io::Mode::kSocket ? open_sockets(config) : open_on_dpdk(mode, config);
}

void shut_down_io() {
#if ISTHMUS_DPDK
  io::dpdk::stop_eal();
#endif
}

Result<ChosenIo> choose_io(const Config& config, IoOpener& opener) {
  if (config.io_mode != io::Mode::kAuto) {
    auto engine = opener.open(config.io_mode, config);
    if (!engine) return forward_error(engine);
    return ChosenIo{std::move(*engine), "configured"};
  }
  std::string reason;
  std::vector<io::Mode> modes = {io::Mode::kAfXdp, io::Mode::kAfPacket, io::Mode::kSocket};
  const auto has_device = [](const io::Network& network) { return !network.device.empty(); };
  // A NIC that was taken from the kernel has no interface but its twin, where the other modes would find nothing.
  if (std::ranges::any_of(config.networks, has_device)) modes = {io::Mode::kPci};
  for (const io::Mode mode : modes) {
    auto engine = opener.open(mode, config);
    if (engine) {
      if (reason.empty()) reason = "the best mode of this host";
      return ChosenIo{std::move(*engine), reason};
    }
    if (!reason.empty()) reason += "; ";
    reason += "no " + std::string(to_string(mode)) + ": " + isthmus::to_string(engine.error());
  }
  return fail(ErrorKind::kUnavailable, reason, "io_mode");
}

Status check_addresses(const Config& config) {
  if (!io::has_kernel_interface(config.io_mode)) return {};
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};  // the bind or the first packet will tell
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(first, &freeifaddrs);
  const auto is_there = [&](const io::Network& network, const IpAddress& address) {
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr) continue;
      if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
      if (!network.interface.empty() && network.interface != entry->ifa_name) continue;
      io::KernelAddress kernel{};
      std::memcpy(&kernel, entry->ifa_addr,
                  entry->ifa_addr->sa_family == AF_INET ? sizeof kernel.v4 : sizeof kernel.v6);
      if (io::from_kernel(kernel).ip == address) return true;
    }
    return false;
  };
  for (const io::Network& network : config.networks) {
    for (const IpAddress& address : network.addresses) {
      if (is_there(network, address)) continue;
      const std::string place = network.interface.empty() ? "this host" : "interface " + network.interface;
      return fail(ErrorKind::kUnavailable,
                  "network '" + network.name + "': " + place + " does not have the address " + to_string(address),
                  "addresses");
    }
  }
  return {};
}

}  // namespace isthmus::app
