#pragma once

namespace isthmus::app {

inline constexpr const char* kVersion = ISTHMUS_VERSION;

}  // namespace isthmus::app
