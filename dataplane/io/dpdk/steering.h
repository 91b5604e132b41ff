#pragma once

// The XDP steering program's life on an interface: left-overs taken off, the object handed to the driver, its pool map
// filled. Main thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/io/engine.h"
#include "dataplane/io/run_file.h"

namespace isthmus::io::dpdk {

/// The compiled program (ELF).
std::span<const std::uint8_t> steer_object();

class Steering {
 public:
  /// Takes a program of ours that a killed run left off the interface. Fails with kDenied, and changes nothing, when
  /// a foreign program is there, or when another running data plane holds the interface.
  static Result<Steering> claim(const std::string& interface, const std::string& run_directory);

  /// Path for the driver's `xdp_prog=`; valid while this lives.
  const std::string& program_path() const { return path_; }
  /// Just before the driver loads the program: the pool maps open now are those of other interfaces.
  void note_open_maps();
  /// After the driver has loaded and attached the program: fills its pool map with the networks' addresses, and notes
  /// the program's id for the run after a kill.
  Status fill(std::span<const Network> networks);

  Steering(Steering&& other) noexcept;
  Steering& operator=(Steering&&) = delete;
  ~Steering();

 private:
  Steering() = default;

  std::string interface_;
  unsigned interface_index_ = 0;
  std::string path_;
  int object_fd_ = -1;
  std::vector<int> maps_before_;
  RunFile run_file_;
};

}  // namespace isthmus::io::dpdk
