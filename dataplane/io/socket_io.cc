#include "dataplane/io/socket_io.h"

#include <linux/sock_diag.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/base/log.h"

namespace isthmus::io {
namespace {

constexpr std::size_t kPayloadOffset = SocketIo::kHeadroomBytes + kMaxSyntheticBytes;
constexpr std::size_t kBufferBytes = kPayloadOffset + SocketIo::kMaxPayloadBytes + SocketIo::kTailroomBytes;

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

void set_traffic_class(msghdr& header, std::uint8_t* control, const SendView& view) {
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (view.traffic_class == 0) return;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(sizeof(int));
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = view.to.ip.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  item->cmsg_type = view.to.ip.is_v4() ? IP_TOS : IPV6_TCLASS;
  item->cmsg_len = CMSG_LEN(sizeof(int));
  const int value = view.traffic_class;
  std::memcpy(CMSG_DATA(item), &value, sizeof value);
}

}  // namespace

Result<std::unique_ptr<SocketIo>> SocketIo::make(const PortSlots& slots) {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return fail(ErrorKind::kExhausted, std::string("no epoll descriptor: ") + std::strerror(errno));
  return std::unique_ptr<SocketIo>(new SocketIo(slots, epoll_fd));
}

SocketIo::SocketIo(const PortSlots& slots, int epoll_fd)
    : slots_(slots), epoll_fd_(epoll_fd), commands_(4096), sockets_(slots.size()), memory_(kBuffers * kBufferBytes) {
  free_.reserve(kBuffers);
  for (std::size_t i = 0; i < kBuffers; ++i) free_.push_back(memory_.data() + i * kBufferBytes);
  for (std::size_t i = 0; i < kBurstSize; ++i) {
    msghdr& header = messages_.headers[i].msg_hdr;
    header.msg_iov = &messages_.vectors[i];
    header.msg_iovlen = 1;
    header.msg_name = &messages_.addresses[i];
  }
}

SocketIo::~SocketIo() {
  apply_commands();
  flush_waiting();
  apply_commands();
  for (const Socket& socket : sockets_) {
    if (socket.fd >= 0) close(socket);
  }
  ::close(epoll_fd_);
}

/// The kernel says with a datagram what was lost before it (SO_RXQ_OVFL); what was lost behind the last one is asked
/// for here. The count is the same.
void SocketIo::close(const Socket& socket) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
  socklen_t bytes = sizeof figures;
  if (getsockopt(socket.fd, SOL_SOCKET, SO_MEMINFO, figures.data(), &bytes) == 0 &&
      bytes > SK_MEMINFO_DROPS * sizeof figures[0]) {
    add(missed_, figures[SK_MEMINFO_DROPS] - socket.overflows);
  }
  ::close(socket.fd);
}

bool SocketIo::hand_over(std::size_t slot, const SocketAddress& local, int fd) {
  flush_waiting();
  return waiting_.empty() && commands_.push({slot, local, fd});
}

void SocketIo::take_away(std::size_t slot) {
  flush_waiting();
  const Command command{slot, {}, -1};
  if (!waiting_.empty() || !commands_.push(command)) waiting_.push_back(command);
}

void SocketIo::flush_waiting() {
  auto at = waiting_.begin();
  while (at != waiting_.end() && commands_.push(*at)) ++at;
  waiting_.erase(waiting_.begin(), at);
}

void SocketIo::apply_commands() {
  Command command;
  while (commands_.pop(command)) {
    Socket& socket = sockets_[command.slot];
    if (socket.fd >= 0) close(socket);  // leaves the epoll set by itself
    socket = {command.fd, 0, command.local};
    if (command.fd < 0) continue;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = command.slot;
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, command.fd, &event);
  }
}

void SocketIo::receive(Burst& burst) {
  apply_commands();
  const int ready = epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), 0);
  for (int i = 0; i < ready && !burst.full(); ++i) {
    receive_from(static_cast<std::size_t>(events_[static_cast<std::size_t>(i)].data.u64), burst);
  }
}

void SocketIo::receive_from(std::size_t slot, Burst& burst) {
  Socket& socket = sockets_[slot];
  if (socket.fd < 0) return;
  const std::size_t room = std::min(kBurstSize - burst.count, free_.size());
  if (room == 0) return;  // the datagrams wait in the kernel
  for (std::size_t i = 0; i < room; ++i) {
    messages_.vectors[i] = {free_[free_.size() - 1 - i] + kPayloadOffset, kMaxPayloadBytes};
    msghdr& header = messages_.headers[i].msg_hdr;
    header.msg_namelen = sizeof(KernelAddress);
    header.msg_control = messages_.control[i].data();
    header.msg_controllen = messages_.control[i].size();
    header.msg_flags = 0;
  }
  const int got = recvmmsg(socket.fd, messages_.headers.data(), static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
  if (got <= 0) return;
  free_.resize(free_.size() - static_cast<std::size_t>(got));
  const std::uint16_t port = slots_.network_of(slot);
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    std::uint8_t* buffer = static_cast<std::uint8_t*>(messages_.vectors[i].iov_base) - kPayloadOffset;
    msghdr& header = messages_.headers[i].msg_hdr;
    const std::uint8_t traffic_class = read_control(socket, header);
    const SocketAddress from = from_kernel(messages_.addresses[i]);
    if ((header.msg_flags & MSG_TRUNC) != 0 || from.ip.family != socket.local.ip.family) {
      add(missed_, 1);
      free_.push_back(buffer);
      continue;
    }
    std::uint8_t* payload = buffer + kPayloadOffset;
    const std::size_t payload_bytes = messages_.headers[i].msg_len;
    write_headers(payload, payload_bytes, from, socket.local, traffic_class);
    const std::size_t headers = synthetic_bytes(from.ip.family);
    Frame frame;
    frame.data = payload - headers;
    frame.handle = buffer;
    frame.length = static_cast<std::uint16_t>(payload_bytes + headers);
    frame.headroom = static_cast<std::uint16_t>(frame.data - buffer);
    frame.tailroom = static_cast<std::uint16_t>(kBufferBytes - frame.headroom - frame.length);
    frame.port = static_cast<std::uint8_t>(port);
    burst.add(frame);
  }
}

// The kernel's words beside a datagram: its traffic class (one octet in IPv4, an int in IPv6), and SO_RXQ_OVFL, a
// running count of what this socket's queue had no room for.
std::uint8_t SocketIo::read_control(Socket& socket, msghdr& header) {
  std::uint8_t traffic_class = 0;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_TOS) {
      traffic_class = *CMSG_DATA(item);
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_TCLASS) {
      int value = 0;
      std::memcpy(&value, CMSG_DATA(item), sizeof value);
      traffic_class = static_cast<std::uint8_t>(value);
    } else if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t count = 0;
      std::memcpy(&count, CMSG_DATA(item), sizeof count);
      add(missed_, count - socket.overflows);
      socket.overflows = count;
    }
  }
  return traffic_class;
}

std::size_t SocketIo::send(Burst& burst) {
  std::array<SendView, kBurstSize> run;
  std::size_t run_length = 0;
  int run_fd = -1;
  std::size_t refused = 0;
  const auto finish_run = [&] {
    if (run_length > 0) refused += send_run(run_fd, std::span(run).first(run_length));
    run_length = 0;
  };
  for (std::size_t i = 0; i < burst.count; ++i) {
    const Frame& frame = burst.frames[i];
    const auto view = read_headers(MutableBytes(frame.data, frame.length));
    if (!view) {
      ++refused;
      continue;
    }
    const auto slot = slots_.find(view->from);
    const int fd = slot ? sockets_[*slot].fd : -1;
    if (fd < 0) {
      ++refused;
      continue;
    }
    if (fd != run_fd) finish_run();
    run_fd = fd;
    run[run_length++] = *view;
  }
  finish_run();
  for (std::size_t i = 0; i < burst.count; ++i) release(burst.frames[i]);
  burst.count = 0;
  add(tx_refused_, refused);
  return refused;
}

// A message that the kernel refuses (no route, full queue) is skipped; those behind it still go.
std::size_t SocketIo::send_run(int fd, std::span<const SendView> views) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    messages_.vectors[i] = {views[i].payload.data(), views[i].payload.size()};
    msghdr& header = messages_.headers[i].msg_hdr;
    header.msg_namelen = to_kernel(views[i].to, messages_.addresses[i]);
    set_traffic_class(header, messages_.control[i].data(), views[i]);
  }
  std::size_t refused = 0;
  std::size_t done = 0;
  while (done < views.size()) {
    const int sent = sendmmsg(fd, &messages_.headers[done], static_cast<unsigned>(views.size() - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else {
      ++refused;
      ++done;
    }
  }
  return refused;
}

void SocketIo::release(const Frame& frame) { free_.push_back(static_cast<std::uint8_t*>(frame.handle)); }

Frame SocketIo::allocate() {
  Frame frame;
  if (free_.empty()) {
    add(no_buffer_, 1);
    return frame;
  }
  std::uint8_t* buffer = free_.back();
  free_.pop_back();
  frame.handle = buffer;
  frame.data = buffer + kHeadroomBytes;
  frame.headroom = kHeadroomBytes;
  frame.tailroom = static_cast<std::uint16_t>(kBufferBytes - kHeadroomBytes);
  return frame;
}

IoCounters SocketIo::counters() const {
  IoCounters counters;
  counters.tx_refused = tx_refused_.load(std::memory_order_relaxed);
  counters.no_buffer = no_buffer_.load(std::memory_order_relaxed);
  return counters;
}

}  // namespace isthmus::io
