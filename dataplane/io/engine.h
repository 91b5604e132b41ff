#pragma once

// What the data plane knows of its networks, and what an io mode gives it: the ports it sends and receives by, one Io a
// worker, and the opening of single media ports where the mode needs that.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/ip_prefix.h"
#include "dataplane/base/result.h"
#include "dataplane/io/io.h"

namespace isthmus::io {

enum class Mode : std::uint8_t { kAuto, kPci, kAfXdp, kAfPacket, kSocket, kPcap, kRing, kMemif };

/// The word in the configuration and in the status: "auto", "pci", "af_xdp", "af_packet", "socket", "pcap", "ring",
/// "memif".
std::string_view to_string(Mode mode);
Result<Mode> parse_mode(std::string_view text);
/// False: no interface of the kernel is behind the networks, so addresses and next hops are what the configuration
/// says.
constexpr bool has_kernel_interface(Mode mode) {
  return mode != Mode::kPcap && mode != Mode::kRing && mode != Mode::kMemif;
}

inline constexpr std::size_t kMaxNetworks = 16;          ///< [[network]] tables of one configuration
inline constexpr std::size_t kMaxNetworkAddresses = 16;  ///< addresses of one network
inline constexpr std::size_t kMaxWorkers = 32;

using MacAddress = std::array<std::uint8_t, 6>;

/// Where packets for a range of addresses go, in the modes without a kernel interface.
struct StaticNextHop {
  IpPrefix prefix;
  MacAddress mac{};
  bool operator==(const StaticNextHop&) const = default;
};

/// Shared memory with another process (DPDK's memif, as VPP and others speak it).
struct Memif {
  std::string socket;  ///< path of the unix socket that both sides name
  std::uint32_t id = 0;
  bool server = true;  ///< makes the socket; the other side is the client
};

/// One network of the configuration: media addresses on one kernel interface, and the pool that each of them has.
struct Network {
  std::string name;
  std::string interface;             ///< kernel interface; pci: the TAP twin of the device. May be empty in socket mode
  std::string device;                ///< pci mode: "0000:03:00.0", or another device of DPDK with its arguments
  std::vector<IpAddress> addresses;  ///< each belongs to this network alone
  std::uint16_t first_port = 56000;  ///< DESIGN section 2, R372
  std::uint16_t last_port = 57000;   ///< inclusive
  std::uint16_t mtu = 1500;          ///< bytes of the IP packet
  std::uint16_t vlan = 0;  ///< tag of all frames on its device, 1..4094; 0: none. Modes whose frames are ours alone
  // Modes without a kernel interface:
  std::optional<MacAddress> mac{};         ///< ours; absent: the device's
  std::vector<StaticNextHop> next_hops{};  ///< the longest prefix counts
  std::string capture_in{};                ///< pcap: file of frames that come in; empty: none
  std::string capture_out{};               ///< pcap: file of what is sent; empty: it goes nowhere
  Memif memif{};
};

/// pcap mode: when and how often the captures come in.
struct Replay {
  std::uint32_t after_ports = 0;  ///< held until so many ports are in use
  std::uint64_t passes = 1;       ///< 0: without end
};

/// One port of the io layer; its place in Engine::ports() is the value of Frame::port.
struct PortInfo {
  std::string interface;         ///< kernel interface, or the network's name in socket mode
  unsigned interface_index = 0;  ///< of the kernel; 0 in socket mode
  std::array<std::uint8_t, 6> mac{};
  std::uint16_t mtu = 1500;
};

/// Frames lost by drivers or the kernel, all ports, since the start.
struct DriverLosses {
  std::uint64_t missed = 0;     ///< before us: the device's or the kernel's queue was full
  std::uint64_t bad_frame = 0;  ///< before us: the device refused them
  std::uint64_t no_buffer = 0;  ///< before us
  std::uint64_t unsent = 0;     ///< behind us: the driver took them
};

/// pci mode: frames between the ports and the kernel's end of them, past the pipeline.
struct ExceptionCounters {
  std::uint64_t to_kernel = 0;
  std::uint64_t from_kernel = 0;
  std::uint64_t full = 0;     ///< lost: the ring towards the kernel was full
  std::uint64_t refused = 0;  ///< lost: the kernel did not take it (interface down), or no buffer for what it sent
};

/// Everything of one io mode. Made and destroyed on the main thread, after the workers have ended; destruction gives
/// the interfaces back to the kernel as they were.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual Mode mode() const = 0;
  virtual std::span<const PortInfo> ports() const = 0;
  /// The Io of worker 0..workers-1; lives as long as the engine.
  virtual Io& io(std::size_t worker) = 0;

  /// Whether a frame that one worker received may be sent or released by another, so that it can be handed over. False
  /// where each port's packets come to the worker that open_port() named.
  virtual bool shares_frames() const = 0;

  /// A session begins or ends to use this local port. Main thread. Only the socket mode has something to do: elsewhere
  /// all packets of the pool arrive anyway.
  virtual Status open_port(const SocketAddress& local, std::size_t worker) = 0;
  virtual void close_port(const SocketAddress& local) = 0;

  /// True where the kernel finds routes and neighbours by itself (socket mode).
  virtual bool kernel_routes() const = 0;
  /// May ask the kernel: main thread.
  virtual DriverLosses driver_losses() = 0;
  /// Any thread.
  virtual ExceptionCounters exceptions() const { return {}; }
};

}  // namespace isthmus::io
