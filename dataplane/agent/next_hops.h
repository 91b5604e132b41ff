#pragma once

// Keeps the next hops that sessions want: from the kernel by way of the mirror, trivial ones where the kernel routes by
// itself, the configuration's where there is no kernel interface. Agent's thread.

#include <map>
#include <memory>
#include <span>
#include <utility>

#include "dataplane/agent/route_mirror.h"
#include "dataplane/session/next_hop.h"

namespace isthmus::agent {

/// Socket mode: the kernel sends, so every destination is reachable as far as we know.
class KernelRoutedNextHops final : public session::NextHopListener {
 public:
  explicit KernelRoutedNextHops(std::span<const io::PortInfo> ports) : ports_(ports) {}
  void wanted(const session::NextHopKey& key, session::NextHop& next_hop) override;
  void unwanted(const session::NextHopKey& /*key*/, session::NextHop& /*next_hop*/) override {}

 private:
  std::span<const io::PortInfo> ports_;  // one a network
};

/// Modes without a kernel interface: what the configuration says.
class StaticNextHops final : public session::NextHopListener {
 public:
  /// `ports`: one a network.
  StaticNextHops(std::span<const io::Network> networks, std::span<const io::PortInfo> ports)
      : networks_(networks), ports_(ports) {}
  void wanted(const session::NextHopKey& key, session::NextHop& next_hop) override;
  void unwanted(const session::NextHopKey& /*key*/, session::NextHop& /*next_hop*/) override {}

 private:
  std::span<const io::Network> networks_;
  std::span<const io::PortInfo> ports_;
};

class MirroredNextHops final : public session::NextHopListener {
 public:
  MirroredNextHops(Kernel& kernel, std::span<const io::PortInfo> ports);
  void wanted(const session::NextHopKey& key, session::NextHop& next_hop) override;
  void unwanted(const session::NextHopKey& key, session::NextHop& next_hop) override;

  RouteMirror& mirror() { return mirror_; }

 private:
  using Pair = std::pair<IpAddress, IpAddress>;  // local, remote
  void changed(const Pair& pair, std::optional<NextHop> hop);

  std::multimap<Pair, session::NextHop*> wanted_;
  RouteMirror mirror_;
};

}  // namespace isthmus::agent
