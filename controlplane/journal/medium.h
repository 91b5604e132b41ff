#pragma once

// Where the journal's bytes live. Production maps the memory file that the supervisor holds; tests use plain memory, or
// a medium that stops at a chosen byte as a killed process does.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace isthmus::journal {

/// Stores happen in program order, as a kill in between leaves them. One writing thread.
class Medium {
 public:
  virtual ~Medium() = default;
  virtual Bytes view() const = 0;
  /// May stop at any byte.
  virtual void write(std::size_t offset, Bytes bytes) = 0;
  /// Happens whole or not at all; `offset` is a multiple of 8.
  virtual void write_word(std::size_t offset, std::uint64_t value) = 0;
  /// Zeroes; may stop at any byte. A large range gives its memory back as well.
  virtual void wipe(std::size_t offset, std::size_t size) = 0;
};

/// Memory that this process maps: a memory file (`map`) or memory of its own (`in_process`).
class MappedMedium final : public Medium {
 public:
  /// Maps the whole of `fd` shared and readable, writable; `fd` may be closed afterwards.
  static Result<MappedMedium> map(int fd);
  static MappedMedium in_process(std::size_t size);

  MappedMedium(MappedMedium&& other) noexcept;
  MappedMedium& operator=(MappedMedium&&) = delete;
  ~MappedMedium() override;

  Bytes view() const override;
  void write(std::size_t offset, Bytes bytes) override;
  void write_word(std::size_t offset, std::uint64_t value) override;
  void wipe(std::size_t offset, std::size_t size) override;

 private:
  MappedMedium(std::uint8_t* base, std::size_t size, int fd) : base_(base), size_(size), fd_(fd) {}
  void wipe_sparse(std::size_t offset, std::size_t size);

  std::uint8_t* base_ = nullptr;
  std::size_t size_ = 0;
  int fd_ = -1;  ///< our own descriptor of the memory file: tells which of its pages exist. -1: memory of our own
};

}  // namespace isthmus::journal
