#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace isthmus::supervisor {

/// A folder of its own, taken away at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    char made[] = "/tmp/isthmus-run-XXXXXX";
    path_ = ::mkdtemp(made);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace isthmus::supervisor
