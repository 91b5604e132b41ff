#include "controlplane/supervisor/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "controlplane/supervisor/system_error.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3; newer than the headers of Debian 12
#endif

namespace isthmus::supervisor {

Result<Descriptor> make_memory_file(const std::string& name, std::size_t bytes) {
  Descriptor file(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  if (!file && errno == EINVAL) file = Descriptor(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return system_failure("memory file " + name);
  if (::fchmod(file.get(), 0600) != 0) return system_failure("mode of memory file " + name);
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return system_failure("size of memory file " + name);
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return system_failure("seals of memory file " + name);
  }
  return file;
}

}  // namespace isthmus::supervisor
