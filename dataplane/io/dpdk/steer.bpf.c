// XDP program: media goes to the data plane's sockets, all else stays with the kernel. It steers only; nothing here looks
// behind the UDP destination port. IPv4 with options, fragments and tagged frames go to the kernel, which drops those for
// the pools (kernel_guard.h). The fallback of the redirect is XDP_PASS: without a socket the packet takes that way too.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_QUEUES 64
#define MAX_ADDRESSES 256

// Layout shared with steering.cc. IPv4 uses the first four bytes, the rest are zero.
struct pool_key {
  __u32 family;  // 4 or 6
  __u8 address[16];
};

struct pool {
  __u16 first_port;  // host order, inclusive
  __u16 last_port;
};

// The driver looks for this name.
struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, MAX_QUEUES);
  __type(key, __u32);
  __type(value, __u32);
} xsks_map SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, MAX_ADDRESSES);
  __type(key, struct pool_key);
  __type(value, struct pool);
} isthmus_pools SEC(".maps");

#define IPV4_FRAGMENT_OFFSET 0x1fff  // RFC 791 3.1
#define IPV6_FRAGMENT_OFFSET 0xfff8  // RFC 8200 4.5

struct fragment_header {
  __u8 next_header;
  __u8 reserved;
  __be16 offset;
  __be32 identification;
};

SEC("xdp")
int isthmus_steer(struct xdp_md *context) {
  void *at = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ethhdr *ethernet = at;
  if ((void *)(ethernet + 1) > end) return XDP_PASS;

  struct pool_key key = {};
  struct udphdr *udp;
  if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
    struct iphdr *ip = (void *)(ethernet + 1);
    if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return XDP_PASS;
    // A first fragment has the ports: ours to drop and to count. Those behind it have none.
    if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET)) return XDP_PASS;
    key.family = 4;
    __builtin_memcpy(key.address, &ip->daddr, 4);
    udp = (void *)(ip + 1);
  } else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr *ip = (void *)(ethernet + 1);
    if ((void *)(ip + 1) > end || ip->version != 6) return XDP_PASS;
    key.family = 6;
    __builtin_memcpy(key.address, &ip->daddr, 16);
    udp = (void *)(ip + 1);
    if (ip->nexthdr == IPPROTO_FRAGMENT) {
      struct fragment_header *fragment = (void *)(ip + 1);
      if ((void *)(fragment + 1) > end || fragment->next_header != IPPROTO_UDP) return XDP_PASS;
      if (fragment->offset & bpf_htons(IPV6_FRAGMENT_OFFSET)) return XDP_PASS;
      udp = (void *)(fragment + 1);
    } else if (ip->nexthdr != IPPROTO_UDP) {
      return XDP_PASS;
    }
  } else {
    return XDP_PASS;
  }
  if ((void *)(udp + 1) > end) return XDP_PASS;

  struct pool *pool = bpf_map_lookup_elem(&isthmus_pools, &key);
  if (!pool) return XDP_PASS;
  __u16 port = bpf_ntohs(udp->dest);
  if (port < pool->first_port || port > pool->last_port) return XDP_PASS;
  return bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "Apache-2.0";
