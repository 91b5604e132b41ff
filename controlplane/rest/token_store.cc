#include "controlplane/rest/token_store.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace isthmus::rest {
namespace {

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

std::optional<TokenHash> from_hex(std::string_view text) {
  TokenHash hash{};
  if (text.size() != hash.size() * 2) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return hash;
}

tl::unexpected<Error> system_error(const std::string& path, const char* what) {
  const int code = errno;
  return fail(code == EACCES || code == EPERM ? ErrorKind::kDenied : ErrorKind::kUnavailable,
              path + ": " + what + ": " + std::strerror(code), "state-dir");
}

/// An open descriptor, closed at the end.
struct File {
  int fd;
  explicit File(int descriptor) : fd(descriptor) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

/// New file, fsync, rename, fsync of the folder (threat model B8).
Status write_whole(const std::string& folder, const std::string& name, std::string_view text) {
  const std::string path = folder + "/" + name;
  const std::string draft = path + ".new";
  {
    ::unlink(draft.c_str());
    const File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.fd < 0) return system_error(draft, "cannot be made");
    if (::write(file.fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.fd) != 0) {
      return system_error(draft, "cannot be written");
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_error(path, "cannot be renamed");
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd >= 0) ::fsync(directory.fd);
  return {};
}

}  // namespace

TokenHash hash_token(std::string_view token) {
  TokenHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

Result<TokenHash> load_or_make_token(const std::string& state_dir, RandomSource& random) {
  if (::mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST) return system_error(state_dir, "cannot be made");
  const std::string hash_path = state_dir + "/" + kTokenHashFile;
  const File file(::open(hash_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd >= 0) {
    char text[128];
    const ssize_t size = ::read(file.fd, text, sizeof text);
    if (size < 0) return system_error(hash_path, "cannot be read");
    std::string_view line(text, static_cast<std::size_t>(size));
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (const auto hash = from_hex(line)) return *hash;
    return fail(ErrorKind::kMalformedInput,
                hash_path + " is damaged; remove it to have a new token made at the next start", "state-dir");
  }
  if (errno != ENOENT) return system_error(hash_path, "cannot be opened");

  std::array<std::uint8_t, kTokenBytes> drawn{};
  random.fill(drawn);
  const std::string token = to_hex(drawn);
  const TokenHash hash = hash_token(token);
  // The token first: a crash between the two leaves no hash, and the next start begins again.
  if (Status status = write_whole(state_dir, kTokenFile, token + "\n"); !status) return forward_error(status);
  if (Status status = write_whole(state_dir, kTokenHashFile, to_hex(hash) + "\n"); !status) {
    return forward_error(status);
  }
  return hash;
}

}  // namespace isthmus::rest
