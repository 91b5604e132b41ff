#include "dataplane/io/dpdk/dpdk_engine.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/base/log.h"
#include "dataplane/io/capture_file.h"
#include "dataplane/io/dpdk/frame_pool.h"
#include "dataplane/io/dpdk/off_kernel.h"

namespace isthmus::io::dpdk {
namespace {

// A queue's fill ring takes 2048 buffers at once and as many may wait to be sent; the rest is for bursts and caches.
constexpr std::size_t kBuffersPerQueue = 8192;
constexpr std::size_t kSpareBuffers = 4096;
// AF_XDP puts 256 bytes of its own before the frame; together with the mbuf's head this must stay under a page.
constexpr std::uint16_t kBufferRoom = RTE_PKTMBUF_HEADROOM + 256 + 2048;
constexpr std::size_t kBytesPerBuffer = 2816;
constexpr std::size_t kOtherMemoryMb = 64;

std::uint16_t queues_of(const std::string& interface) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&channels);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool known = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && channels.max_combined > 0;
  if (fd >= 0) close(fd);
  return known ? static_cast<std::uint16_t>(std::clamp(channels.combined_count, 1U, 64U)) : std::uint16_t{1};
}

// Interfaces in the order in which the networks name them, with the largest MTU wanted there.
std::vector<PortInfo> interfaces_of(std::span<const Network> networks) {
  std::vector<PortInfo> found;
  for (const Network& network : networks) {
    const auto same = [&](const PortInfo& info) { return info.interface == network.interface; };
    const auto at = std::find_if(found.begin(), found.end(), same);
    if (at == found.end()) {
      found.push_back({network.interface, if_nametoindex(network.interface.c_str()), {}, network.mtu});
    } else {
      at->mtu = std::max(at->mtu, network.mtu);
    }
  }
  return found;
}

/// Which families the media addresses of an interface have.
RssFamilies families_of(std::span<const Network> networks, const std::string& interface) {
  RssFamilies families;
  for (const Network& network : networks) {
    if (network.interface != interface) continue;
    for (const IpAddress& address : network.addresses) (address.is_v4() ? families.v4 : families.v6) = true;
  }
  return families;
}

// Beside those of the queues: what may wait in the rings between two workers, either way.
std::size_t buffers_for(std::size_t queues, std::size_t workers) {
  return queues * kBuffersPerQueue + kSpareBuffers + (workers - 1) * 2 * DpdkIo::kOutgoingFrames;
}

/// Frames of all captures, which the driver keeps in buffers. One that cannot be read tells so when it is opened.
std::size_t captured_frames(std::span<const Network> networks) {
  std::size_t sum = 0;
  for (const Network& network : networks) {
    if (!network.capture_in.empty()) sum += count_frames(network.capture_in).value_or(0);
  }
  return sum;
}

}  // namespace

std::size_t DpdkEngine::memory_mb(Mode mode, std::span<const Network> networks, std::size_t workers) {
  std::size_t queues = 0;
  std::size_t captured = 0;
  if (has_kernel_interface(mode)) {
    for (const PortInfo& info : interfaces_of(networks))
      queues += std::max<std::size_t>(queues_of(info.interface), workers);
  } else {
    queues = networks.size() * workers;
    captured = captured_frames(networks);
  }
  const std::size_t bytes = (buffers_for(queues, workers) + captured) * kBytesPerBuffer;
  return kOtherMemoryMb + (bytes >> 20U) / 2 * 2 + 2;
}

Status DpdkEngine::make_buffers(std::size_t queues, std::size_t workers, std::size_t captured) {
  const auto count = static_cast<unsigned>(buffers_for(queues, workers) + captured - 1);
  auto pool = make_frame_pool(count, kBufferRoom);
  if (!pool) return forward_error(pool);
  buffers_ = *pool;
  return {};
}

Status DpdkEngine::add_port(const PortSettings& settings, const PortInfo& info) {
  auto port = Port::open(settings, buffers_);
  if (!port) return forward_error(port);
  infos_.push_back(info);
  infos_.back().mac = port->mac();
  ports_.push_back(std::move(*port));
  return {};
}

/// Queue q is worker q's. A port with more queues than workers gives them the rest in turn; where it has fewer, those
/// without one send by another worker's, and receive what others hand over.
WorkerPort DpdkEngine::worker_port(std::size_t port_index, std::size_t worker, std::size_t workers) {
  const Port& port = ports_[port_index];
  WorkerPort entry;
  entry.number = port.number();
  entry.only = heard_ ? &*heard_ : nullptr;
  if (!gates_.empty()) entry.gate = gates_[port_index].get();
  if (!vlans_.empty()) entry.vlan = vlans_[port_index];
  if (!twins_.empty()) entry.twin = twins_[port_index].get();
  entry.mac = port.mac();
  entry.makes_sums = port.makes_sums();
  if (port.checks_sums()) entry.bad_sum_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD;
  for (std::size_t queue = worker; queue < port.queues(); queue += workers) {
    entry.receive_queues.push_back(static_cast<std::uint16_t>(queue));
  }
  entry.send_queue = static_cast<std::uint16_t>(worker % port.queues());
  if (worker >= port.queues()) {
    auto& ring = outgoing_[entry.send_queue][worker];
    if (ring == nullptr) ring = std::make_unique<OutgoingRing>(DpdkIo::kOutgoingFrames);
    entry.outgoing = ring.get();
  }
  return entry;
}

void DpdkEngine::make_workers(std::size_t workers) {
  outgoing_.resize(workers);
  for (auto& from : outgoing_) from.resize(workers);
  std::vector<std::vector<WorkerPort>> of_worker(workers);
  for (std::size_t worker = 0; worker < workers; ++worker) {
    for (std::size_t port = 0; port < ports_.size(); ++port) {
      of_worker[worker].push_back(worker_port(port, worker, workers));
    }
  }
  for (std::size_t worker = 0; worker < workers; ++worker) {
    std::vector<OutgoingRing*> from_others;
    for (const auto& ring : outgoing_[worker]) {
      if (ring != nullptr) from_others.push_back(ring.get());
    }
    workers_.push_back(
        std::make_unique<DpdkIo>(worker, std::move(of_worker[worker]), buffers_, std::move(from_others)));
  }
}

Result<std::unique_ptr<DpdkEngine>> DpdkEngine::open_af_xdp(std::span<const Network> networks, std::size_t workers,
                                                            const std::string& run_directory) {
  std::unique_ptr<DpdkEngine> engine(new DpdkEngine(Mode::kAfXdp));
  const std::vector<PortInfo> interfaces = interfaces_of(networks);
  std::size_t queues = 0;
  for (const PortInfo& info : interfaces) {
    queues += queues_of(info.interface);
    auto steering = Steering::claim(info.interface, run_directory);
    if (!steering) return forward_error(steering);
    engine->steering_.push_back(std::move(*steering));
  }
  if (auto made = engine->make_buffers(queues, workers); !made) return forward_error(made);
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    PortSettings settings;
    settings.device = "net_af_xdp" + std::to_string(i);
    settings.queues = queues_of(interfaces[i].interface);
    settings.mtu = interfaces[i].mtu;
    // busy_budget=0: with busy polling each empty poll would be a system call.
    settings.arguments = "iface=" + interfaces[i].interface + ",xdp_prog=" + engine->steering_[i].program_path() +
                         ",start_queue=0,queue_count=" + std::to_string(settings.queues) + ",busy_budget=0";
    // The maps that are open before this port's are those of the ports before it.
    engine->steering_[i].note_open_maps();
    if (auto added = engine->add_port(settings, interfaces[i]); !added) return forward_error(added);
    if (auto filled = engine->steering_[i].fill(networks); !filled) return forward_error(filled);
  }
  engine->sockets_.find();
  engine->make_workers(workers);
  return engine;
}

Result<std::unique_ptr<DpdkEngine>> DpdkEngine::open_af_packet(std::span<const Network> networks, std::size_t workers) {
  std::unique_ptr<DpdkEngine> engine(new DpdkEngine(Mode::kAfPacket));
  engine->heard_.emplace(networks);
  const std::vector<PortInfo> interfaces = interfaces_of(networks);
  if (auto made = engine->make_buffers(interfaces.size() * workers, workers); !made) return forward_error(made);
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    PortSettings settings;
    settings.device = "net_af_packet" + std::to_string(i);
    settings.queues = static_cast<std::uint16_t>(workers);
    settings.mtu = interfaces[i].mtu;
    settings.arguments = "iface=" + interfaces[i].interface + ",qpairs=" + std::to_string(workers) +
                         ",blocksz=65536,framesz=2048,framecnt=4096";
    if (auto added = engine->add_port(settings, interfaces[i]); !added) return forward_error(added);
  }
  engine->sockets_.find();
  engine->make_workers(workers);
  return engine;
}

Result<std::unique_ptr<DpdkEngine>> DpdkEngine::open_pci(std::span<const Network> networks, std::size_t workers,
                                                         bool make_sums) {
  std::unique_ptr<DpdkEngine> engine(new DpdkEngine(Mode::kPci));
  engine->heard_.emplace(networks);
  const std::vector<PortInfo> interfaces = interfaces_of(networks);
  if (auto made = engine->make_buffers(interfaces.size() * workers, workers); !made) return forward_error(made);
  for (const PortInfo& info : interfaces) {
    const auto network = std::ranges::find(networks, info.interface, &Network::interface);
    PortSettings settings;
    settings.device = network->device.substr(0, network->device.find(','));
    if (settings.device.size() < network->device.size()) {
      settings.arguments = network->device.substr(settings.device.size() + 1);
    }
    settings.mtu = info.mtu;
    settings.queues = static_cast<std::uint16_t>(workers);
    settings.fewer_queues = true;
    settings.workers = workers;
    settings.families = families_of(networks, info.interface);
    settings.all_multicast = true;
    settings.check_sums = true;
    settings.make_sums = make_sums;
    if (auto added = engine->add_port(settings, info); !added) return forward_error(added);
    const auto tap = open_tap(engine->infos_.back());
    if (!tap) return forward_error(tap);
    engine->vlans_.push_back(network->vlan);
    const std::uint16_t number = engine->ports_.back().number();
    engine->twins_.push_back(
        std::make_unique<Twin>(*tap, workers, engine->buffers_, [number] { return Port::has_link(number); }));
  }
  engine->make_workers(workers);
  return engine;
}

Result<std::unique_ptr<DpdkEngine>> DpdkEngine::open_off_kernel(Mode mode, std::span<const Network> networks,
                                                                std::size_t workers, const Replay& replay) {
  std::unique_ptr<DpdkEngine> engine(new DpdkEngine(mode));
  engine->gates_after_ports_ = replay.after_ports;
  std::vector<std::uint64_t> captured;
  for (const Network& network : networks) {
    const auto frames = network.capture_in.empty() ? Result<std::uint64_t>(0) : count_frames(network.capture_in);
    if (!frames) {
      return fail(frames.error().kind, network.capture_in + " " + frames.error().message, "capture_in");
    }
    captured.push_back(*frames);
    engine->gates_.push_back(*frames > 0 ? std::make_unique<Gate>() : nullptr);
    if (*frames > 0) engine->gates_.back()->frames_left = replay.passes == 0 ? UINT64_MAX : *frames * replay.passes;
  }
  if (auto made = engine->make_buffers(networks.size() * workers, workers, captured_frames(networks)); !made) {
    return forward_error(made);
  }
  for (std::size_t i = 0; i < networks.size(); ++i) {
    PortSettings settings = off_kernel_port(mode, networks[i], i, captured[i]);
    settings.queues = static_cast<std::uint16_t>(workers);
    settings.workers = workers;
    if (auto added = engine->add_port(settings, {networks[i].name, 0, {}, networks[i].mtu}); !added) {
      return forward_error(added);
    }
    engine->vlans_.push_back(networks[i].vlan);
    if (networks[i].mac) engine->infos_.back().mac = *networks[i].mac;
  }
  engine->make_workers(workers);
  engine->open_gates();
  return engine;
}

void DpdkEngine::open_gates() {
  if (ports_in_use_ < gates_after_ports_) return;
  for (const auto& gate : gates_) {
    if (gate != nullptr) gate->open.store(true, std::memory_order_release);
  }
}

Status DpdkEngine::open_port(const SocketAddress& /*local*/, std::size_t /*worker*/) {
  ++ports_in_use_;
  open_gates();
  return {};
}

void DpdkEngine::close_port(const SocketAddress& /*local*/) { --ports_in_use_; }

Result<std::unique_ptr<DpdkEngine>> DpdkEngine::open_devices(std::span<const Device> devices, std::size_t workers) {
  std::unique_ptr<DpdkEngine> engine(new DpdkEngine(Mode::kAuto));
  if (auto made = engine->make_buffers(devices.size() * workers, workers); !made) return forward_error(made);
  for (const Device& device : devices) {
    PortSettings settings;
    settings.device = device.device;
    settings.arguments = device.arguments;
    settings.queues = static_cast<std::uint16_t>(workers);
    settings.fewer_queues = true;
    settings.workers = workers;
    settings.families = {true, true};
    if (auto added = engine->add_port(settings, {device.device, 0, {}, 1500}); !added) return forward_error(added);
  }
  engine->make_workers(workers);
  return engine;
}

ExceptionCounters DpdkEngine::exceptions() const {
  ExceptionCounters sum;
  for (const auto& twin : twins_) {
    const ExceptionCounters one = twin->counters();
    sum.to_kernel += one.to_kernel;
    sum.from_kernel += one.from_kernel;
    sum.full += one.full;
    sum.refused += one.refused;
  }
  return sum;
}

DpdkEngine::~DpdkEngine() {
  twins_.clear();
  ports_.clear();
  rte_mempool_free(buffers_);
}

DriverLosses DpdkEngine::driver_losses() {
  DriverLosses sum;
  for (const Port& port : ports_) {
    const DriverLosses one = port.losses();
    sum.missed += one.missed;
    sum.bad_frame += one.bad_frame;
    sum.no_buffer += one.no_buffer;
    // What net_af_xdp counts there it has refused, and we have counted.
    if (mode_ != Mode::kAfXdp) sum.unsent += one.unsent;
  }
  sum.missed += sockets_.lost();
  return sum;
}

}  // namespace isthmus::io::dpdk
