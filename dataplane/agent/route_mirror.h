#pragma once

// The next hops of all destinations in use, kept as the kernel sees them. It asks the kernel for each destination
// (policy rules, multipath and metrics are so the kernel's business), follows its news, and tells the owner what
// changed. Owner's thread.
//
//   destination --route()--> interface, gateway --neighbour--> MAC --port of that interface--> NextHop

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>

#include "dataplane/agent/kernel.h"
#include "dataplane/io/engine.h"

namespace isthmus::agent {

/// What the packet path needs to write an Ethernet header and choose a port.
struct NextHop {
  std::uint16_t port = 0;  ///< io port
  MacAddress source{};
  MacAddress destination{};
  std::uint16_t mtu = 1500;
  bool operator==(const NextHop&) const = default;
};

class RouteMirror {
 public:
  using Clock = std::chrono::steady_clock;
  /// Absent: the destination cannot be reached now.
  using Changed = std::function<void(const IpAddress& local, const IpAddress& destination, std::optional<NextHop>)>;

  static constexpr std::chrono::milliseconds kAskAgainPause{100};  ///< between two rounds after news of routes
  static constexpr std::chrono::seconds kRefresh{5};               ///< where the kernel does not keep neighbours fresh

  /// `ports`: of the engine; both outlive the mirror.
  RouteMirror(Kernel& kernel, std::span<const io::PortInfo> ports, Changed changed);
  ~RouteMirror();
  RouteMirror(const RouteMirror&) = delete;
  RouteMirror& operator=(const RouteMirror&) = delete;

  /// Counts users; the first makes the destination known, and `changed` comes when a next hop is there (maybe at once).
  void use(const IpAddress& local, const IpAddress& destination);
  void unuse(const IpAddress& local, const IpAddress& destination);
  std::optional<NextHop> find(const IpAddress& local, const IpAddress& destination) const;

  void take(const NetlinkEvent& event);
  /// News were lost: everything in use is asked again at the next tick.
  void distrust() { ask_again_ = true; }
  void tick(Clock::time_point now);

  std::size_t destinations() const { return destinations_.size(); }
  std::size_t neighbours() const { return neighbours_.size(); }

 private:
  struct Pair {
    IpAddress local;
    IpAddress destination;
    auto operator<=>(const Pair&) const = default;
  };
  struct Hop {
    unsigned interface_index = 0;
    IpAddress address;
    auto operator<=>(const Hop&) const = default;
  };
  struct Destination {
    unsigned users = 0;
    std::optional<Hop> hop;
    std::uint32_t mtu = 0;  // of the route
    std::optional<NextHop> told;
  };
  struct NeighbourUse {
    unsigned users = 0;  // destinations
    bool permanent = false;
    std::optional<MacAddress> mac;
  };

  void ask(const Pair& pair, Destination& destination);
  void tell(const Pair& pair, Destination& destination);
  void tell_users_of(const Hop& hop);
  void use_hop(const Hop& hop);
  void unuse_hop(const Hop& hop);
  std::optional<NextHop> next_hop(const Destination& destination) const;
  std::optional<std::uint16_t> port_of(unsigned interface_index) const;

  Kernel& kernel_;
  std::span<const io::PortInfo> ports_;
  Changed changed_;
  std::map<Pair, Destination> destinations_;
  std::map<Hop, NeighbourUse> neighbours_;
  bool ask_again_ = false;
  Clock::time_point asked_{};
  Clock::time_point refreshed_{};
};

}  // namespace isthmus::agent
