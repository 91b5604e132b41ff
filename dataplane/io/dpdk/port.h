#pragma once

// One DPDK port: made from a device, configured, started; closed and given back in the destructor.
// Main thread, but for nothing: workers use the port's number with the queues that they were given.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/rss.h"

struct rte_mempool;

namespace isthmus::io::dpdk {

struct PortSettings {
  std::string device;         ///< "net_af_xdp0", or the address of a PCI device ("0000:03:00.0")
  std::string arguments;      ///< "iface=eth0,..."; without the device's name
  std::uint16_t queues = 1;   ///< receive and send queues
  bool fewer_queues = false;  ///< that many, or as many as the device has
  std::size_t workers = 1;    ///< several, and the device hashes: it steers by port class
  RssFamilies families{};     ///< of the media addresses on it
  std::uint16_t mtu = 1500;
  bool all_multicast = false;  ///< pci: without it ND (RFC 4861) never reaches the kernel
  bool check_sums = false;     ///< have the device check what comes, where it can (port_plan.h)
  bool make_sums = false;      ///< have the device make the UDP checksums of what leaves, where it can
};

/// Whether DPDK finds the device on the PCI bus: "0000:03:00.0" or "03:00.0".
bool is_pci_address(std::string_view device);

class Port {
 public:
  static Result<Port> open(const PortSettings& settings, rte_mempool* buffers);
  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();

  std::uint16_t number() const { return number_; }
  std::uint16_t queues() const { return queues_; }
  /// Whether received packets bear the device's verdict on their checksums.
  bool checks_sums() const { return checks_sums_; }
  /// Whether it makes the UDP checksums of packets that ask for it.
  bool makes_sums() const { return makes_sums_; }
  const std::array<std::uint8_t, 6>& mac() const { return mac_; }
  /// Whether the link is up, as the driver last saw it. Any thread.
  static bool has_link(std::uint16_t number);
  /// What the driver counts as lost.
  DriverLosses losses() const;

 private:
  Port() = default;

  std::string device_;
  std::uint16_t number_ = 0;
  std::uint16_t queues_ = 0;
  bool checks_sums_ = false;
  bool makes_sums_ = false;
  std::array<std::uint8_t, 6> mac_{};
  bool open_ = false;
};

}  // namespace isthmus::io::dpdk
