#include "controlplane/journal/medium.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "dataplane/base/secret.h"

namespace isthmus::journal {
namespace {

constexpr std::size_t kSparseBytes = std::size_t{4} * 1024 * 1024;  // from here on it pays to ask which pages exist
constexpr std::size_t kPageBytes = 4096;

/// Keeps the compiler from moving stores across; x86 keeps their order by itself.
void keep_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

Result<MappedMedium> MappedMedium::map(int fd) {
  struct stat file{};
  if (::fstat(fd, &file) != 0) {
    return fail(ErrorKind::kUnavailable, std::string("no memory file: ") + std::strerror(errno), "journal-fd");
  }
  const auto size = static_cast<std::size_t>(file.st_size);
  if (size == 0) return fail(ErrorKind::kInvalidArgument, "the memory file is empty", "journal-fd");
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return fail(ErrorKind::kExhausted, std::string("no descriptor: ") + std::strerror(errno), "journal-fd");
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
  if (base == MAP_FAILED) {
    const int reason = errno;
    ::close(own);
    return fail(ErrorKind::kUnavailable, std::string("not mapped: ") + std::strerror(reason), "journal-fd");
  }
  ::madvise(base, size, MADV_DONTDUMP);  // it holds keys
  return MappedMedium(static_cast<std::uint8_t*>(base), size, own);
}

MappedMedium MappedMedium::in_process(std::size_t size) {
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(base != MAP_FAILED);
  return {static_cast<std::uint8_t*>(base), size, -1};
}

MappedMedium::MappedMedium(MappedMedium&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      fd_(std::exchange(other.fd_, -1)) {}

MappedMedium::~MappedMedium() {
  if (base_ != nullptr) ::munmap(base_, size_);
  if (fd_ >= 0) ::close(fd_);
}

Bytes MappedMedium::view() const { return {base_, size_}; }

void MappedMedium::write(std::size_t offset, Bytes bytes) {
  assert(offset + bytes.size() <= size_);
  keep_order();
  std::ranges::copy(bytes, base_ + offset);
  keep_order();
}

void MappedMedium::write_word(std::size_t offset, std::uint64_t value) {
  assert(offset % 8 == 0 && offset + 8 <= size_);
  keep_order();
  std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(base_ + offset))
      .store(value, std::memory_order_release);
  keep_order();
}

void MappedMedium::wipe(std::size_t offset, std::size_t size) {
  assert(offset + size <= size_);
  keep_order();
  if (fd_ >= 0 && size >= kSparseBytes) {
    wipe_sparse(offset, size);
  } else {
    isthmus::wipe({base_ + offset, size});
  }
  keep_order();
}

/// Zeroes the pages that exist and gives them back; touching the others would only make them exist.
void MappedMedium::wipe_sparse(std::size_t offset, std::size_t size) {
  const std::size_t end = offset + size;
  for (std::size_t at = offset; at < end;) {
    const off_t data = ::lseek(fd_, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 || static_cast<std::size_t>(data) >= end) break;
    const off_t hole = ::lseek(fd_, data, SEEK_HOLE);
    const std::size_t stop = hole < 0 ? end : std::min(end, static_cast<std::size_t>(hole));
    isthmus::wipe({base_ + data, stop - static_cast<std::size_t>(data)});
    at = stop;
  }
  const std::size_t first_page = (offset + kPageBytes - 1) / kPageBytes * kPageBytes;
  const std::size_t last_page = end / kPageBytes * kPageBytes;
  // Without it the memory stays taken, which costs memory and nothing else.
  if (last_page > first_page) ::madvise(base_ + first_page, last_page - first_page, MADV_REMOVE);
}

}  // namespace isthmus::journal
