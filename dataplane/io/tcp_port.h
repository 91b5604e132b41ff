#pragma once

#include <cstdint>

namespace isthmus::io {

/// Frame::port of what came over TCP, or shall leave so; no port of an engine has this place.
inline constexpr std::uint8_t kTcpPort = 0xff;

}  // namespace isthmus::io
