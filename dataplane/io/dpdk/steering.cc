#include "dataplane/io/dpdk/steering.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "dataplane/base/log.h"

namespace isthmus::io::dpdk {
namespace {

constexpr std::string_view kProgramName = "isthmus_steer";
constexpr std::string_view kPoolMapName = "isthmus_pools";

// Layout shared with steer.bpf.c.
struct PoolKey {
  std::uint32_t family = 0;
  std::array<std::uint8_t, 16> address{};
};
struct Pool {
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0;
};
static_assert(sizeof(PoolKey) == 20 && sizeof(Pool) == 4);

// Maps are found among our own descriptors: asking the kernel for them by id would need CAP_SYS_ADMIN.
std::vector<int> open_pool_maps() {
  std::vector<int> found;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return found;
  const int folder = dirfd(directory);
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc{}) continue;
    char target[64] = "";
    const ssize_t length = folder < 0 ? -1 : readlinkat(folder, entry->d_name, target, sizeof target - 1);
    if (length < 0 || std::string_view(target, static_cast<std::size_t>(length)) != "anon_inode:bpf-map") continue;
    bpf_map_info info{};
    __u32 info_length = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &info_length) == 0 && info.name == kPoolMapName) found.push_back(fd);
  }
  closedir(directory);
  return found;
}

// Empty when the kernel does not tell (it asks for CAP_SYS_ADMIN).
std::string program_name(std::uint32_t id) {
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) return {};
  bpf_prog_info info{};
  __u32 length = sizeof info;
  const bool known = bpf_obj_get_info_by_fd(fd, &info, &length) == 0;
  close(fd);
  return known ? info.name : std::string{};
}

Status detach_left_over(const std::string& interface, unsigned interface_index, const RunFile& run_file) {
  std::uint32_t id = 0;
  const int error = bpf_xdp_query_id(static_cast<int>(interface_index), 0, &id);
  if (error != 0) {
    return fail(ErrorKind::kUnavailable,
                "cannot ask for the XDP program of " + interface + ": " + std::strerror(-error));
  }
  if (id == 0) return {};
  const std::string name = program_name(id);
  const bool ours = name.empty() ? run_file.noted() == id : name == kProgramName;
  if (!ours) {
    return fail(ErrorKind::kDenied, "interface " + interface + " carries the XDP program '" +
                                        (name.empty() ? "(name unknown)" : name) + "', id " + std::to_string(id) +
                                        ", which is not ours; take it off (ip link set dev " + interface +
                                        " xdp off) or set io_mode to af_packet");
  }
  const int detached = bpf_xdp_detach(static_cast<int>(interface_index), 0, nullptr);
  if (detached != 0) {
    return fail(ErrorKind::kUnavailable,
                "cannot take our old XDP program off " + interface + ": " + std::strerror(-detached));
  }
  log::info("io.stale_program_detached", {{"interface", interface}, {"program_id", id}});
  return {};
}

Result<int> object_file() {
  const int fd = memfd_create("isthmus-steer", MFD_CLOEXEC);
  if (fd < 0) return fail(ErrorKind::kExhausted, std::string("memfd: ") + std::strerror(errno));
  const auto bytes = steer_object();
  if (write(fd, bytes.data(), bytes.size()) != std::ssize(bytes)) {
    close(fd);
    return fail(ErrorKind::kExhausted, std::string("memfd: ") + std::strerror(errno));
  }
  return fd;
}

}  // namespace

Result<Steering> Steering::claim(const std::string& interface, const std::string& run_directory) {
  Steering steering;
  steering.interface_ = interface;
  steering.interface_index_ = if_nametoindex(interface.c_str());
  if (steering.interface_index_ == 0) return fail(ErrorKind::kUnavailable, "there is no interface " + interface);
  auto run_file = RunFile::open(run_directory, interface);
  if (run_file) {
    steering.run_file_ = std::move(*run_file);
  } else if (run_file.error().kind == ErrorKind::kDenied) {
    return forward_error(run_file);
  } else {
    log::warn("io.run_file_missing", {{"interface", interface}, {"reason", to_string(run_file.error())}});
  }
  if (auto detached = detach_left_over(interface, steering.interface_index_, steering.run_file_); !detached) {
    return forward_error(detached);
  }
  const auto fd = object_file();
  if (!fd) return forward_error(fd);
  steering.object_fd_ = *fd;
  steering.path_ = "/proc/self/fd/" + std::to_string(*fd);
  return steering;
}

void Steering::note_open_maps() { maps_before_ = open_pool_maps(); }

Status Steering::fill(std::span<const Network> networks) {
  int map = -1;
  for (const int fd : open_pool_maps()) {
    if (std::find(maps_before_.begin(), maps_before_.end(), fd) == maps_before_.end()) map = fd;
  }
  if (map < 0) return fail(ErrorKind::kUnavailable, "the driver did not load our XDP program on " + interface_);
  for (const Network& network : networks) {
    if (network.interface != interface_) continue;
    const Pool pool{network.first_port, network.last_port};
    for (const IpAddress& address : network.addresses) {
      const PoolKey key{address.is_v4() ? 4U : 6U, address.bytes};
      if (bpf_map_update_elem(map, &key, &pool, BPF_ANY) != 0) {
        return fail(ErrorKind::kExhausted, std::string("cannot fill the steering map: ") + std::strerror(errno));
      }
    }
  }
  std::uint32_t id = 0;
  if (bpf_xdp_query_id(static_cast<int>(interface_index_), 0, &id) == 0) {
    if (auto noted = run_file_.note(id); !noted) {
      log::warn("io.run_file_missing", {{"interface", interface_}, {"reason", to_string(noted.error())}});
    }
  }
  return {};
}

Steering::Steering(Steering&& other) noexcept
    : interface_(std::move(other.interface_)),
      interface_index_(other.interface_index_),
      path_(std::move(other.path_)),
      object_fd_(std::exchange(other.object_fd_, -1)),
      maps_before_(std::move(other.maps_before_)),
      run_file_(std::move(other.run_file_)) {}

Steering::~Steering() {
  if (object_fd_ < 0) return;
  close(object_fd_);
  run_file_.forget();
}

}  // namespace isthmus::io::dpdk
