#pragma once

// The kernel's routes and neighbours, asked one by one. The product's implementation speaks netlink; tests bring their
// own.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/agent/netlink_message.h"
#include "dataplane/agent/next_hop.h"

namespace isthmus::agent {

class Kernel {
 public:
  virtual ~Kernel() = default;
  /// How a packet of ours from `local` reaches `destination`; kUnavailable when it does not (no route, our own
  /// address).
  virtual Result<Route> route(const IpAddress& local, const IpAddress& destination) = 0;
  virtual std::optional<Neighbour> neighbour(unsigned interface_index, const IpAddress& address) = 0;
  /// Asks the kernel to resolve the neighbour and to keep it fresh by itself (NTF_EXT_MANAGED). Where the kernel
  /// cannot, it only resolves it once: the caller asks again after kRefresh.
  virtual Status keep_fresh(unsigned interface_index, const IpAddress& address) = 0;
  virtual void let_go(unsigned interface_index, const IpAddress& address) = 0;
  /// False: keep_fresh() has to be repeated.
  virtual bool keeps_fresh_itself() const = 0;
};

/// Netlink by way of libmnl. One thread. Requests wait for the kernel's answer, which it makes in the same call.
class NetlinkKernel final : public Kernel {
 public:
  static Result<std::unique_ptr<NetlinkKernel>> make();
  ~NetlinkKernel() override;
  NetlinkKernel(const NetlinkKernel&) = delete;
  NetlinkKernel& operator=(const NetlinkKernel&) = delete;

  Result<Route> route(const IpAddress& local, const IpAddress& destination) override;
  std::optional<Neighbour> neighbour(unsigned interface_index, const IpAddress& address) override;
  Status keep_fresh(unsigned interface_index, const IpAddress& address) override;
  void let_go(unsigned interface_index, const IpAddress& address) override;
  bool keeps_fresh_itself() const override { return managed_; }

  /// Readable when the kernel has news.
  int poll_fd() const;
  /// At most this many datagrams a turn; the rest waits.
  static constexpr int kMaxDatagramsPerTurn = 64;
  /// Hands out the news. True: some were lost (ENOBUFS) or not understood, so that everything has to be asked again.
  bool read_news(const std::function<void(const NetlinkEvent&)>& take);

 private:
  struct Sockets;
  explicit NetlinkKernel(std::unique_ptr<Sockets> sockets);
  int change_neighbour(bool add, unsigned interface_index, const IpAddress& address, bool managed);

  std::unique_ptr<Sockets> sockets_;
  bool managed_ = true;
};

}  // namespace isthmus::agent
