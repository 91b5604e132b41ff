#pragma once

// A note that outlives a killed process, and a lock that does not: who holds an interface, and what it attached there.

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::io {

/// /run/isthmus/steer-<network namespace>-<interface>. Locked while this lives.
class RunFile {
 public:
  RunFile() = default;
  /// kDenied when another process has it locked, kUnavailable when the directory is not there or not writable.
  static Result<RunFile> open(const std::string& directory, const std::string& interface);

  /// The number that the last run noted in this boot, if there is one.
  std::optional<std::uint32_t> noted() const;
  Status note(std::uint32_t number);
  /// Removes the file; the lock goes with the object.
  void forget();

  RunFile(RunFile&& other) noexcept;
  RunFile& operator=(RunFile&& other) noexcept;
  ~RunFile();

 private:
  int fd_ = -1;
  std::string path_;
};

}  // namespace isthmus::io
