#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "dataplane/io/kernel_guard.h"

namespace isthmus::io {
namespace {

constexpr const char* kReservedPortsFile = "/proc/sys/net/ipv4/ip_local_reserved_ports";
constexpr std::size_t kMaxListBytes = 64 * 1024;

using Range = std::pair<std::uint32_t, std::uint32_t>;

// "8080,9000-9010": what does not parse is left out; the kernel wrote it.
std::vector<Range> parse_ranges(std::string_view text) {
  std::vector<Range> ranges;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    Range range;
    auto [next, error] = std::from_chars(at, end, range.first);
    if (error != std::errc{}) {
      ++at;
      continue;
    }
    range.second = range.first;
    if (next < end && *next == '-') next = std::from_chars(next + 1, end, range.second).ptr;
    ranges.push_back(range);
    at = next;
  }
  return ranges;
}

}  // namespace

std::string merge_reserved_ports(std::string_view current, std::span<const Network> networks) {
  std::vector<Range> ranges = parse_ranges(current);
  for (const Network& network : networks) ranges.emplace_back(network.first_port, network.last_port);
  std::sort(ranges.begin(), ranges.end());
  std::vector<Range> merged;
  for (const Range& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  std::string text;
  for (const Range& range : merged) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.second != range.first) text += '-' + std::to_string(range.second);
  }
  return text;
}

Status reserve_ports(std::span<const Network> networks) {
  const int fd = open(kReservedPortsFile, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return fail(ErrorKind::kDenied, std::string(kReservedPortsFile) + ": " + std::strerror(errno));
  }
  std::string current(kMaxListBytes, '\0');
  const ssize_t length = pread(fd, current.data(), current.size(), 0);
  current.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!current.empty() && current.back() == '\n') current.pop_back();
  const std::string wanted = merge_reserved_ports(current, networks);
  const bool written = wanted == current || pwrite(fd, wanted.data(), wanted.size(), 0) == std::ssize(wanted);
  const int error = errno;
  close(fd);
  if (!written) return fail(ErrorKind::kDenied, std::string(kReservedPortsFile) + ": " + std::strerror(error));
  return {};
}

}  // namespace isthmus::io
