#include "dataplane/io/capture_file.h"

#include <array>
#include <cstring>
#include <fstream>

namespace isthmus::io {
namespace {

constexpr std::size_t kFileHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
constexpr std::uint32_t kLinktypeEthernet = 1;

std::uint32_t word_at(const char* bytes, bool swapped) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return swapped ? __builtin_bswap32(word) : word;
}

}  // namespace

Result<std::uint64_t> count_frames(std::istream& file) {
  std::array<char, kFileHeaderBytes> header{};
  file.read(header.data(), header.size());
  const std::uint32_t magic = word_at(header.data(), false);
  const bool swapped = magic == __builtin_bswap32(kMicroseconds) || magic == __builtin_bswap32(kNanoseconds);
  if (!file || (magic != kMicroseconds && magic != kNanoseconds && !swapped)) {
    return fail(ErrorKind::kMalformedInput, "is no capture in libpcap's format");
  }
  // The upper bits say how long a frame check sequence is.
  if ((word_at(header.data() + 20, swapped) & 0xffffU) != kLinktypeEthernet) {
    return fail(ErrorKind::kMalformedInput, "is a capture of something else than Ethernet");
  }
  std::array<char, kMaxCaptureFrameBytes> skipped;
  for (std::uint64_t frames = 0;; ++frames) {
    std::array<char, kRecordHeaderBytes> record{};
    file.read(record.data(), record.size());
    if (file.gcount() == 0) return frames;
    const std::string place = "frame " + std::to_string(frames + 1);
    if (!file) return fail(ErrorKind::kMalformedInput, place + " is cut short");
    const std::uint32_t bytes = word_at(record.data() + 8, swapped);
    if (bytes > kMaxCaptureFrameBytes) {
      return fail(ErrorKind::kMalformedInput,
                  place + " has more than " + std::to_string(kMaxCaptureFrameBytes) + " bytes");
    }
    if (frames == kMaxCaptureFrames) {
      return fail(ErrorKind::kMalformedInput, "has more than " + std::to_string(kMaxCaptureFrames) + " frames");
    }
    file.read(skipped.data(), bytes);
    if (!file) return fail(ErrorKind::kMalformedInput, place + " is cut short");
  }
}

Result<std::uint64_t> count_frames(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return fail(ErrorKind::kUnavailable, "cannot be read");
  return count_frames(file);
}

}  // namespace isthmus::io
