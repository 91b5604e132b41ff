// The drop rule spoken to nf_tables directly: the data plane then starts no program, and its seccomp list needs no
// exec. What it makes reads back as
//
//   table inet isthmus-left {
//     chain prerouting {
//       type filter hook prerouting priority raw; policy accept;
//       ip daddr 192.0.2.1 udp dport 56000-57000 drop
//       ip6 daddr 2001:db8:1::1 udp dport 56000-57000 drop
//     }
//   }

#include <netinet/in.h>
// The kernel's headers adapt to the C library's only when they come later.

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "dataplane/io/kernel_guard.h"
#include "dataplane/io/netlink_message.h"

namespace isthmus::io {
namespace {

constexpr std::size_t kMaxAnswerBytes = 32 * 1024;
constexpr int kAnswerTimeoutSeconds = 5;
constexpr std::int32_t kPriorityRaw = -300;  // before connection tracking (NF_IP_PRI_RAW)
constexpr std::uint32_t kRegister = NFT_REG_1;

std::string table_name(const Network& network) { return "isthmus-" + network.name; }

// Sequence numbers name the messages in the kernel's answers; 0 and the last are the batch's own.
class Request {
 public:
  Request() { mark(NFNL_MSG_BATCH_BEGIN); }

  void begin(int message, int family, std::uint16_t flags) {
    batch.begin(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message),
                static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), ++sequence_);
    batch.header(nfgenmsg{static_cast<std::uint8_t>(family), NFNETLINK_V0, 0});
  }
  void finish() { mark(NFNL_MSG_BATCH_END); }
  std::uint32_t last_sequence() const { return sequence_ - 1; }

  NetlinkBatch batch;

 private:
  void mark(int message) {
    batch.begin(static_cast<std::uint16_t>(message), NLM_F_REQUEST, sequence_);
    batch.header(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, __builtin_bswap16(NFNL_SUBSYS_NFTABLES)});
    batch.end();
    if (message == NFNL_MSG_BATCH_END) ++sequence_;
  }
  std::uint32_t sequence_ = 0;
};

void table(Request& request, int message, int family, const std::string& name, std::uint16_t flags) {
  request.begin(message, family, flags);
  request.batch.text(NFTA_TABLE_NAME, name);
  request.batch.end();
}

void chain(Request& request, int family, const std::string& table_of, std::string_view name, std::uint32_t hook,
           std::int32_t priority, std::string_view device) {
  NetlinkBatch& batch = request.batch;
  request.begin(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE);
  batch.text(NFTA_CHAIN_TABLE, table_of);
  batch.text(NFTA_CHAIN_NAME, name);
  const auto hook_at = batch.open(NFTA_CHAIN_HOOK);
  batch.be32(NFTA_HOOK_HOOKNUM, hook);
  batch.be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
  if (!device.empty()) batch.text(NFTA_HOOK_DEV, device);
  batch.close(hook_at);
  batch.text(NFTA_CHAIN_TYPE, "filter");
  batch.be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
  batch.end();
}

template <typename Attributes>
void expression(NetlinkBatch& batch, std::string_view name, const Attributes& attributes) {
  const auto element = batch.open(NFTA_LIST_ELEM);
  batch.text(NFTA_EXPR_NAME, name);
  const auto data = batch.open(NFTA_EXPR_DATA);
  attributes();
  batch.close(data);
  batch.close(element);
}

void load_meta(NetlinkBatch& batch, std::uint32_t key) {
  expression(batch, "meta", [&] {
    batch.be32(NFTA_META_DREG, kRegister);
    batch.be32(NFTA_META_KEY, key);
  });
}

void load_payload(NetlinkBatch& batch, std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
  expression(batch, "payload", [&] {
    batch.be32(NFTA_PAYLOAD_DREG, kRegister);
    batch.be32(NFTA_PAYLOAD_BASE, base);
    batch.be32(NFTA_PAYLOAD_OFFSET, offset);
    batch.be32(NFTA_PAYLOAD_LEN, length);
  });
}

void compare(NetlinkBatch& batch, std::uint32_t operation, std::span<const std::uint8_t> value) {
  expression(batch, "cmp", [&] {
    batch.be32(NFTA_CMP_SREG, kRegister);
    batch.be32(NFTA_CMP_OP, operation);
    const auto data = batch.open(NFTA_CMP_DATA);
    batch.attribute(NFTA_DATA_VALUE, value);
    batch.close(data);
  });
}

void drop(NetlinkBatch& batch) {
  expression(batch, "immediate", [&] {
    batch.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const auto data = batch.open(NFTA_IMMEDIATE_DATA);
    const auto verdict = batch.open(NFTA_DATA_VERDICT);
    batch.be32(NFTA_VERDICT_CODE, NF_DROP);
    batch.close(verdict);
    batch.close(data);
  });
}

std::array<std::uint8_t, 2> wire16(std::uint16_t value) {
  return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

void rule(Request& request, int family, const std::string& table_of, std::string_view chain_of, const Network& network,
          const IpAddress& address) {
  NetlinkBatch& batch = request.batch;
  request.begin(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND);
  batch.text(NFTA_RULE_TABLE, table_of);
  batch.text(NFTA_RULE_CHAIN, chain_of);
  const auto list = batch.open(NFTA_RULE_EXPRESSIONS);
  if (family == NFPROTO_NETDEV) {
    load_meta(batch, NFT_META_PROTOCOL);
    compare(batch, NFT_CMP_EQ, wire16(address.is_v4() ? 0x0800 : 0x86dd));
  } else {
    load_meta(batch, NFT_META_NFPROTO);
    const std::uint8_t protocol = address.is_v4() ? NFPROTO_IPV4 : NFPROTO_IPV6;
    compare(batch, NFT_CMP_EQ, std::span(&protocol, 1));
  }
  const std::uint32_t length = address.is_v4() ? 4 : 16;
  load_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, address.is_v4() ? 16 : 24, length);
  compare(batch, NFT_CMP_EQ, std::span(address.bytes).first(length));
  load_meta(batch, NFT_META_L4PROTO);
  const std::uint8_t udp = IPPROTO_UDP;
  compare(batch, NFT_CMP_EQ, std::span(&udp, 1));
  load_payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  compare(batch, NFT_CMP_GTE, wire16(network.first_port));
  compare(batch, NFT_CMP_LTE, wire16(network.last_port));
  drop(batch);
  batch.close(list);
  batch.end();
}

// Creating before deleting makes the deletion succeed whether or not there was one; the batch takes effect at once.
void replace_table(Request& request, int family, const std::string& name) {
  table(request, NFT_MSG_NEWTABLE, family, name, NLM_F_CREATE);
  table(request, NFT_MSG_DELTABLE, family, name, 0);
}

// Reads answers until all messages up to `last` are acknowledged; the first error is the batch's.
int read_answers(int fd, std::uint32_t last) {
  std::vector<std::uint8_t> answer(kMaxAnswerBytes);
  std::uint32_t acknowledged = 0;
  while (acknowledged < last) {
    const ssize_t got = recv(fd, answer.data(), answer.size(), 0);
    if (got < 0) return errno;
    auto left = static_cast<std::size_t>(got);
    const std::uint8_t* at = answer.data();
    while (left >= sizeof(nlmsghdr) + sizeof(nlmsgerr)) {
      nlmsghdr header;
      std::memcpy(&header, at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) break;
      if (header.nlmsg_type == NLMSG_ERROR) {
        int error = 0;
        std::memcpy(&error, at + sizeof header, sizeof error);
        if (error != 0) return -error;
        acknowledged = std::max(acknowledged, header.nlmsg_seq);
      }
      const std::size_t step = (header.nlmsg_len + 3U) & ~std::size_t{3};
      if (step >= left) break;
      at += step;
      left -= step;
    }
  }
  return 0;
}

/// The kernel makes who closes the socket wait until the table that was replaced is destroyed (nft_rcv_nl_event): some
/// ten milliseconds, which at a restart media would wait as well.
void close_beside(int fd) {
  try {
    std::thread([fd] { close(fd); }).detach();
  } catch (const std::system_error&) {
    close(fd);
  }
}

Status run(Request& request, const std::string& name) {
  request.finish();
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return fail(ErrorKind::kUnavailable, std::string("no netfilter socket: ") + std::strerror(errno));
  const timeval timeout{kAnswerTimeoutSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto bytes = request.batch.bytes();
  int error = 0;
  if (sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
    error = errno;
  } else {
    error = read_answers(fd, request.last_sequence());
  }
  close_beside(fd);
  if (error == 0) return {};
  return fail(error == EPERM ? ErrorKind::kDenied : ErrorKind::kUnavailable,
              "nf_tables refuses the table " + name + ": " + std::strerror(error));
}

}  // namespace

Status install_drop_rule(const Network& network, bool at_ingress) {
  const std::string name = table_name(network);
  Request request;
  replace_table(request, NFPROTO_INET, name);
  table(request, NFT_MSG_NEWTABLE, NFPROTO_INET, name, NLM_F_CREATE);
  chain(request, NFPROTO_INET, name, "prerouting", NF_INET_PRE_ROUTING, kPriorityRaw, "");
  for (const IpAddress& address : network.addresses) {
    rule(request, NFPROTO_INET, name, "prerouting", network, address);
  }
  replace_table(request, NFPROTO_NETDEV, name);
  if (at_ingress) {
    table(request, NFT_MSG_NEWTABLE, NFPROTO_NETDEV, name, NLM_F_CREATE);
    chain(request, NFPROTO_NETDEV, name, "ingress", NF_NETDEV_INGRESS, 0, network.interface);
    for (const IpAddress& address : network.addresses) {
      rule(request, NFPROTO_NETDEV, name, "ingress", network, address);
    }
  }
  return run(request, name);
}

Status remove_drop_rule(const Network& network) {
  const std::string name = table_name(network);
  Request request;
  replace_table(request, NFPROTO_INET, name);
  replace_table(request, NFPROTO_NETDEV, name);
  return run(request, name);
}

}  // namespace isthmus::io
