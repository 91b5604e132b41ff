#include "dataplane/io/dpdk/twin.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "dataplane/base/log.h"

namespace isthmus::io::dpdk {
namespace {

constexpr std::size_t kFramesATurn = 64;  // one way, before the other way has its turn
constexpr std::size_t kMaxSegments = 8;   // of one received frame (a driver may split a large one)
constexpr int kFullRingWaitMs = 1;

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

std::uint64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1000 + static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000;
}

tl::unexpected<Error> failed(const std::string& interface, const char* what) {
  return fail(ErrorKind::kUnavailable, "twin interface " + interface + ": " + what + ": " + std::strerror(errno),
              "interface");
}

/// MAC and MTU of the port become the interface's.
Status dress(const PortInfo& info) {
  const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return failed(info.interface, "no socket");
  ifreq request{};
  info.interface.copy(request.ifr_name, IFNAMSIZ - 1);
  Status done;
  if (::ioctl(control, SIOCGIFHWADDR, &request) != 0) {
    done = failed(info.interface, "its MAC cannot be read");
  } else if (std::memcmp(request.ifr_hwaddr.sa_data, info.mac.data(), info.mac.size()) != 0) {
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(request.ifr_hwaddr.sa_data, info.mac.data(), info.mac.size());
    if (::ioctl(control, SIOCSIFHWADDR, &request) != 0)
      done = failed(info.interface, "it does not take the port's MAC");
  }
  request.ifr_mtu = info.mtu;
  if (done && ::ioctl(control, SIOCSIFMTU, &request) != 0) done = failed(info.interface, "it does not take the MTU");
  ::close(control);
  return done;
}

/// A frame of several segments is one write.
ssize_t write_frame(int fd, const rte_mbuf* frame) {
  if (frame->nb_segs == 1) return ::write(fd, rte_pktmbuf_mtod(frame, const void*), frame->data_len);
  std::array<iovec, kMaxSegments> parts{};
  std::size_t count = 0;
  for (const rte_mbuf* segment = frame; segment != nullptr && count < parts.size(); segment = segment->next) {
    parts[count++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
  }
  return ::writev(fd, parts.data(), static_cast<int>(count));
}

}  // namespace

Result<int> open_tap(const PortInfo& info) {
  if (info.interface_index == 0) {
    return fail(ErrorKind::kUnavailable,
                "there is no interface " + info.interface + ": ip tuntap add dev " + info.interface +
                    " mode tap, then give it the addresses of the network and set it up",
                "interface");
  }
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failed(info.interface, "/dev/net/tun");
  ifreq request{};
  info.interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(fd, TUNSETIFF, &request) != 0) {
    const auto error = failed(info.interface, "it is no TAP interface that we may have");
    ::close(fd);
    return error;
  }
  if (auto dressed = dress(info); !dressed) {
    ::close(fd);
    return forward_error(dressed);
  }
  return fd;
}

Twin::Twin(int tap_fd, std::size_t workers, rte_mempool* buffers, std::function<bool()> carrier)
    : tap_fd_(tap_fd),
      wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      buffers_(buffers),
      carrier_(std::move(carrier)),
      full_(workers) {
  for (std::size_t i = 0; i < workers; ++i) to_kernel_.push_back(std::make_unique<SpscRing<rte_mbuf*>>(kRingFrames));
  thread_ = std::thread([this] { run(); });
}

Twin::~Twin() {
  stop_.store(true);
  wake();
  asleep_.store(true);
  wake();
  thread_.join();
  rte_mbuf* frame = nullptr;
  for (const auto& ring : to_kernel_) {
    while (ring->pop(frame)) rte_pktmbuf_free(frame);
  }
  while (from_kernel_.pop(frame)) rte_pktmbuf_free(frame);
  rte_pktmbuf_free(read_ahead_);
  ::close(wake_fd_);
  ::close(tap_fd_);
}

void Twin::give(std::size_t worker, rte_mbuf* frame) {
  if (to_kernel_[worker]->push(frame)) return;
  rte_pktmbuf_free(frame);
  add(full_[worker], 1);
}

void Twin::wake() {
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);  // full means: awake anyway
}

std::size_t Twin::take(std::span<rte_mbuf*> into) {
  std::size_t count = 0;
  while (count < into.size() && from_kernel_.pop(into[count])) ++count;
  return count;
}

ExceptionCounters Twin::counters() const {
  ExceptionCounters counters;
  counters.to_kernel = written_.load(std::memory_order_relaxed);
  counters.from_kernel = read_.load(std::memory_order_relaxed);
  counters.refused = refused_.load(std::memory_order_relaxed);
  for (const auto& full : full_) counters.full += full.load(std::memory_order_relaxed);
  return counters;
}

void Twin::run() {
  if (rte_thread_register() != 0) {
    log::warn("io.thread_not_registered", {{"effect", "buffers come from the shared pool, which is slower"}});
  }
  while (!stop_.load(std::memory_order_relaxed)) {
    const bool wrote = write_frames();
    const bool read = read_frames();
    follow_carrier();
    if (!wrote && !read) sleep(read_ahead_ == nullptr);
  }
  rte_thread_unregister();
}

/// True if there was something.
bool Twin::write_frames() {
  bool any = false;
  for (const auto& ring : to_kernel_) {
    rte_mbuf* frame = nullptr;
    for (std::size_t i = 0; i < kFramesATurn && ring->pop(frame); ++i) {
      any = true;
      add(write_frame(tap_fd_, frame) >= 0 ? written_ : refused_, 1);
      rte_pktmbuf_free(frame);
    }
  }
  return any;
}

bool Twin::read_frames() {
  bool any = false;
  for (std::size_t i = 0; i < kFramesATurn; ++i) {
    if (read_ahead_ == nullptr) {
      rte_mbuf* const frame = rte_pktmbuf_alloc(buffers_);
      if (frame == nullptr) {
        add(refused_, 1);
        return any;
      }
      const ssize_t length = ::read(tap_fd_, rte_pktmbuf_mtod(frame, void*), rte_pktmbuf_tailroom(frame));
      if (length <= 0) {
        rte_pktmbuf_free(frame);
        return any;
      }
      frame->data_len = static_cast<std::uint16_t>(length);
      frame->pkt_len = static_cast<std::uint32_t>(length);
      read_ahead_ = frame;
    }
    if (!from_kernel_.push(read_ahead_)) return any;
    read_ahead_ = nullptr;
    add(read_, 1);
    any = true;
  }
  return any;
}

/// Until a frame comes from either side. `idle`: the ring from the kernel has room.
void Twin::sleep(bool idle) {
  asleep_.store(true);
  // What was given before the store is seen here; what comes later sees the store and wakes us.
  if (write_frames() || stop_.load()) {
    asleep_.store(false);
    return;
  }
  std::array<pollfd, 2> waiting{{{wake_fd_, POLLIN, 0}, {tap_fd_, static_cast<short>(idle ? POLLIN : 0), 0}}};
  ::poll(waiting.data(), waiting.size(), idle ? kLinkCheckMs : kFullRingWaitMs);
  asleep_.store(false);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = ::read(wake_fd_, &count, sizeof count);
}

void Twin::follow_carrier() {
  if (!carrier_) return;
  const std::uint64_t now = now_ms();
  if (carrier_known_ && now - carrier_checked_ms_ < static_cast<std::uint64_t>(kLinkCheckMs)) return;
  carrier_checked_ms_ = now;
  const bool up = carrier_();
  if (carrier_known_ && up == carrier_up_) return;
  carrier_known_ = true;
  carrier_up_ = up;
  int value = up ? 1 : 0;
  if (::ioctl(tap_fd_, TUNSETCARRIER, &value) != 0) {
    log::warn("io.twin_carrier", {{"reason", std::strerror(errno)}, {"effect", "the kernel does not see the link"}});
    return;
  }
  log::info("io.link", {{"up", up}});
}

}  // namespace isthmus::io::dpdk
