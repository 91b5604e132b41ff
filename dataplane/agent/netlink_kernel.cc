#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dataplane/agent/kernel.h"

namespace isthmus::agent {
namespace {

constexpr std::size_t kDatagramBytes = 32 * 1024;
constexpr int kNewsQueueBytes = 4 * 1024 * 1024;
constexpr int kAnswerTimeoutSeconds = 2;
constexpr std::uint32_t kManagedFlag = 1;  // NTF_EXT_MANAGED, newer than the headers of Debian 12 may be
#ifndef NDA_FLAGS_EXT
constexpr std::uint16_t kFlagsExtAttribute = 15;
#else
constexpr std::uint16_t kFlagsExtAttribute = NDA_FLAGS_EXT;
#endif

std::uint8_t family_of(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

void put_address(nlmsghdr* request, std::uint16_t type, const IpAddress& address) {
  mnl_attr_put(request, type, address.is_v4() ? 4 : 16, address.bytes.data());
}

}  // namespace

struct NetlinkKernel::Sockets {
  mnl_socket* requests = nullptr;
  mnl_socket* news = nullptr;
  std::uint32_t sequence = 0;
  std::array<char, 1024> request{};
  std::array<std::uint8_t, kDatagramBytes> datagram{};

  ~Sockets() {
    if (requests != nullptr) mnl_socket_close(requests);
    if (news != nullptr) mnl_socket_close(news);
  }

  nlmsghdr* begin(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr* header = mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header->nlmsg_seq = ++sequence;
    return header;
  }

  /// Sends the request and reads until `take` says that it has its answer; -errno when the kernel refuses or is silent.
  template <typename Take>
  int ask(const nlmsghdr* header, Take take) {
    if (mnl_socket_sendto(requests, header, header->nlmsg_len) < 0) return -errno;
    constexpr int kMaxAnswers = 16;
    for (int i = 0; i < kMaxAnswers; ++i) {
      const ssize_t got = mnl_socket_recvfrom(requests, datagram.data(), datagram.size());
      if (got < 0) return -errno;
      int error = 0;
      bool done = false;
      read_datagram(std::span(datagram).first(static_cast<std::size_t>(got)), true, [&](const NetlinkEvent& event) {
        if (const auto* answer = std::get_if<Acknowledgement>(&event)) {
          if (answer->sequence == header->nlmsg_seq) {
            error = answer->error;
            done = true;
          }
        } else if (take(event)) {
          done = true;
        }
      });
      if (done) return error;
    }
    return -EIO;
  }
};

Result<std::unique_ptr<NetlinkKernel>> NetlinkKernel::make() {
  auto sockets = std::make_unique<Sockets>();
  sockets->requests = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  sockets->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (sockets->requests == nullptr || sockets->news == nullptr ||
      mnl_socket_bind(sockets->requests, 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_bind(sockets->news, 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail(ErrorKind::kUnavailable, std::string("no route socket: ") + std::strerror(errno));
  }
  const timeval timeout{kAnswerTimeoutSeconds, 0};
  setsockopt(mnl_socket_get_fd(sockets->requests), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const int bytes = kNewsQueueBytes;
  const int news = mnl_socket_get_fd(sockets->news);
  if (setsockopt(news, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(news, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  for (int group : {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                    RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}) {
    if (mnl_socket_setsockopt(sockets->news, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
      return fail(ErrorKind::kUnavailable, std::string("no news of routes: ") + std::strerror(errno));
    }
  }
  return std::unique_ptr<NetlinkKernel>(new NetlinkKernel(std::move(sockets)));
}

NetlinkKernel::NetlinkKernel(std::unique_ptr<Sockets> sockets) : sockets_(std::move(sockets)) {}
NetlinkKernel::~NetlinkKernel() = default;

Result<Route> NetlinkKernel::route(const IpAddress& local, const IpAddress& destination) {
  nlmsghdr* header = sockets_->begin(RTM_GETROUTE, 0);
  auto* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
  route->rtm_family = family_of(destination);
  route->rtm_dst_len = destination.is_v4() ? 32 : 128;
  route->rtm_src_len = route->rtm_dst_len;
  put_address(header, RTA_DST, destination);
  put_address(header, RTA_SRC, local);
  std::optional<RouteAnswer> answer;
  const int error = sockets_->ask(header, [&](const NetlinkEvent& event) {
    const auto* found = std::get_if<RouteAnswer>(&event);
    if (found == nullptr || found->sequence != header->nlmsg_seq) return false;
    answer = *found;
    return true;
  });
  if (error != 0) return fail(ErrorKind::kUnavailable, std::string("no route: ") + std::strerror(-error));
  if (!answer || !answer->unicast || answer->route.interface_index == 0) {
    return fail(ErrorKind::kUnavailable, "the destination is not reached by an interface");
  }
  return answer->route;
}

std::optional<Neighbour> NetlinkKernel::neighbour(unsigned interface_index, const IpAddress& address) {
  nlmsghdr* header = sockets_->begin(RTM_GETNEIGH, 0);
  auto* head = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ndmsg)));
  head->ndm_family = family_of(address);
  head->ndm_ifindex = static_cast<int>(interface_index);
  put_address(header, NDA_DST, address);
  std::optional<Neighbour> answer;
  sockets_->ask(header, [&](const NetlinkEvent& event) {
    const auto* found = std::get_if<NeighbourChange>(&event);
    if (found != nullptr && found->neighbour.address == address) answer = found->neighbour;
    return answer.has_value();
  });
  return answer;
}

int NetlinkKernel::change_neighbour(bool add, unsigned interface_index, const IpAddress& address, bool managed) {
  const std::uint16_t type = add ? RTM_NEWNEIGH : RTM_DELNEIGH;
  const std::uint16_t flags = add ? NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE : NLM_F_ACK;
  nlmsghdr* header = sockets_->begin(type, flags);
  auto* head = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ndmsg)));
  head->ndm_family = family_of(address);
  head->ndm_ifindex = static_cast<int>(interface_index);
  head->ndm_state = NUD_NONE;
  if (add && !managed) head->ndm_flags = NTF_USE;
  put_address(header, NDA_DST, address);
  if (add && managed) mnl_attr_put_u32(header, kFlagsExtAttribute, kManagedFlag);
  return sockets_->ask(header, [](const NetlinkEvent&) { return false; });
}

Status NetlinkKernel::keep_fresh(unsigned interface_index, const IpAddress& address) {
  int error = managed_ ? change_neighbour(true, interface_index, address, true) : -EINVAL;
  if (error == -EINVAL || error == -EOPNOTSUPP) {
    error = change_neighbour(true, interface_index, address, false);
    if (error == 0) managed_ = false;  // a kernel before 5.16
  }
  if (error == 0) return {};
  return fail(error == -EPERM ? ErrorKind::kDenied : ErrorKind::kUnavailable,
              std::string("the kernel does not resolve the neighbour: ") + std::strerror(-error));
}

void NetlinkKernel::let_go(unsigned interface_index, const IpAddress& address) {
  change_neighbour(false, interface_index, address, false);  // gone already is fine
}

int NetlinkKernel::poll_fd() const { return mnl_socket_get_fd(sockets_->news); }

bool NetlinkKernel::read_news(const std::function<void(const NetlinkEvent&)>& take) {
  bool lost = false;
  for (int i = 0; i < kMaxDatagramsPerTurn; ++i) {
    const ssize_t got = mnl_socket_recvfrom(sockets_->news, sockets_->datagram.data(), sockets_->datagram.size());
    if (got < 0) {
      if (errno == ENOBUFS || errno == ENOSPC) {
        lost = true;
        continue;
      }
      break;
    }
    const auto datagram = std::span(sockets_->datagram).first(static_cast<std::size_t>(got));
    if (!read_datagram(datagram, false, take)) lost = true;
  }
  return lost;
}

}  // namespace isthmus::agent
