#include "dataplane/io/run_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace isthmus::io {
namespace {

constexpr std::size_t kMaxNoteBytes = 128;

// Numbers are the kernel's, so they mean nothing after the next boot.
std::string boot_id() {
  std::string id(64, '\0');
  const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "unknown";
  const ssize_t got = read(fd, id.data(), id.size());
  close(fd);
  id.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace

Result<RunFile> RunFile::open(const std::string& directory, const std::string& interface) {
  struct stat name_space{};
  if (stat("/proc/self/ns/net", &name_space) != 0) name_space.st_ino = 0;
  mkdir(directory.c_str(), 0700);
  RunFile file;
  file.path_ = directory + "/steer-" + std::to_string(name_space.st_ino) + "-" + interface;
  file.fd_ = ::open(file.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file.fd_ < 0) return fail(ErrorKind::kUnavailable, file.path_ + ": " + std::strerror(errno));
  if (flock(file.fd_, LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::kDenied,
                "another data plane runs on interface " + interface + " (it holds " + file.path_ + ")");
  }
  return file;
}

std::optional<std::uint32_t> RunFile::noted() const {
  if (fd_ < 0) return std::nullopt;
  std::string text(kMaxNoteBytes, '\0');
  const ssize_t got = pread(fd_, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto space = text.find(' ');
  if (space == std::string::npos || text.substr(space + 1) != boot_id()) return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + space, number);
  if (error != std::errc{} || end != text.data() + space) return std::nullopt;
  return number;
}

Status RunFile::note(std::uint32_t number) {
  if (fd_ < 0) return {};
  const std::string text = std::to_string(number) + " " + boot_id();
  if (ftruncate(fd_, 0) != 0 || pwrite(fd_, text.data(), text.size(), 0) != std::ssize(text)) {
    return fail(ErrorKind::kUnavailable, path_ + ": " + std::strerror(errno));
  }
  return {};
}

void RunFile::forget() {
  if (fd_ >= 0) unlink(path_.c_str());
}

RunFile::RunFile(RunFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

RunFile& RunFile::operator=(RunFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

RunFile::~RunFile() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace isthmus::io
