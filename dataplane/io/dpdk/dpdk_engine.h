#pragma once

// The engines on DPDK: NICs that it drives itself (pci), af_xdp and af_packet on kernel interfaces, ports without the
// kernel (pcap, ring, memif), and any virtual devices for tests.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/io/dpdk/dpdk_io.h"
#include "dataplane/io/dpdk/eal.h"
#include "dataplane/io/dpdk/kernel_sockets.h"
#include "dataplane/io/dpdk/port.h"
#include "dataplane/io/dpdk/steering.h"
#include "dataplane/io/dpdk/twin.h"
#include "dataplane/io/engine.h"

namespace isthmus::io::dpdk {

/// For tests: a device as DPDK names it ("net_null0", "net_ring0").
struct Device {
  std::string device;
  std::string arguments;
};

class DpdkEngine final : public Engine {
 public:
  /// A port a distinct interface of the networks, all queues of each served. The EAL has been started.
  static Result<std::unique_ptr<DpdkEngine>> open_af_xdp(std::span<const Network> networks, std::size_t workers,
                                                         const std::string& run_directory);
  /// A port a distinct device of the networks, each with a TAP twin (`interface`) for what is no media.
  static Result<std::unique_ptr<DpdkEngine>> open_pci(std::span<const Network> networks, std::size_t workers,
                                                      bool make_sums);
  static Result<std::unique_ptr<DpdkEngine>> open_af_packet(std::span<const Network> networks, std::size_t workers);
  /// A port a network, without an interface of the kernel: mode pcap, ring or memif.
  static Result<std::unique_ptr<DpdkEngine>> open_off_kernel(Mode mode, std::span<const Network> networks,
                                                             std::size_t workers, const Replay& replay);
  static Result<std::unique_ptr<DpdkEngine>> open_devices(std::span<const Device> devices, std::size_t workers);
  ~DpdkEngine() override;

  Mode mode() const override { return mode_; }
  std::span<const PortInfo> ports() const override { return infos_; }
  Io& io(std::size_t worker) override { return *workers_[worker]; }
  Status open_port(const SocketAddress& local, std::size_t worker) override;
  void close_port(const SocketAddress& local) override;
  bool shares_frames() const override { return true; }
  bool kernel_routes() const override { return false; }
  DriverLosses driver_losses() override;

  ExceptionCounters exceptions() const override;

  /// Memory that the networks' ports need, for the EAL.
  static std::size_t memory_mb(Mode mode, std::span<const Network> networks, std::size_t workers);

 private:
  explicit DpdkEngine(Mode mode) : mode_(mode) {}
  Status make_buffers(std::size_t queues, std::size_t workers, std::size_t captured = 0);
  void open_gates();
  Status add_port(const PortSettings& settings, const PortInfo& info);
  void make_workers(std::size_t workers);
  WorkerPort worker_port(std::size_t port, std::size_t worker, std::size_t workers);

  Mode mode_;
  std::optional<PortSlots> heard_;            // af_packet, pci
  std::vector<std::unique_ptr<Gate>> gates_;  // pcap: by port, null where nothing comes in
  std::uint32_t gates_after_ports_ = 0;
  std::uint32_t ports_in_use_ = 0;
  rte_mempool* buffers_ = nullptr;
  std::vector<Steering> steering_;  // outlives the ports: closing those detaches the program
  std::vector<Port> ports_;
  KernelSockets sockets_;             // af_packet, af_xdp
  std::vector<std::uint16_t> vlans_;  // by port; empty in the modes without
  std::vector<PortInfo> infos_;
  std::vector<std::unique_ptr<Twin>> twins_;                          // pci: by port
  std::vector<std::vector<std::unique_ptr<OutgoingRing>>> outgoing_;  // [to][from]; null where never used
  std::vector<std::unique_ptr<DpdkIo>> workers_;
};

}  // namespace isthmus::io::dpdk
