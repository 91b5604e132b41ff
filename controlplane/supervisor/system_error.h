#pragma once

// errno as a typed error.

#include <cerrno>
#include <cstring>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::supervisor {

inline tl::unexpected<Error> system_failure(const std::string& what, int reason = errno) {
  const bool denied = reason == EACCES || reason == EPERM;
  return fail(denied ? ErrorKind::kDenied : ErrorKind::kUnavailable, what + ": " + std::strerror(reason));
}

}  // namespace isthmus::supervisor
