#pragma once

// Keeps the kernel's hands off the media pools: it neither gives the ports to others nor answers on them.
// Main thread, at start and at the end.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/io/engine.h"

namespace isthmus::io {

/// The table `isthmus-<network>` of nf_tables: drops what reaches the kernel for (media address, pool UDP port), before
/// connection tracking, so that no port-unreachable ever leaves. With `at_ingress` also right behind the interface's
/// packet taps (af_packet: those hear the packet before). Replaces a table left by an earlier run without a gap.
Status install_drop_rule(const Network& network, bool at_ingress);
/// Succeeds when there is none.
Status remove_drop_rule(const Network& network);

/// The list of net.ipv4.ip_local_reserved_ports with the networks' pools in it. `current` as the kernel shows it.
std::string merge_reserved_ports(std::string_view current, std::span<const Network> networks);
/// Writes the merged list for this network namespace, if it differs.
Status reserve_ports(std::span<const Network> networks);

}  // namespace isthmus::io
