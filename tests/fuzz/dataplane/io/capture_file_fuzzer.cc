// A capture that is taken has the bytes that it says: its header, and a record a frame.

#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "dataplane/io/capture_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream file(std::string(reinterpret_cast<const char*>(data), size));
  const auto frames = isthmus::io::count_frames(file);
  if (frames && (*frames > isthmus::io::kMaxCaptureFrames || 24 + 16 * *frames > size)) std::abort();
  return 0;
}
