#pragma once

// Key bytes with a life of their own: wiped when they go, never printable by accident.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace isthmus {

/// Overwrites `bytes` in a way the compiler keeps (explicit_bzero).
void wipe(std::span<std::uint8_t> bytes);

/// Equal lengths compare in constant time.
bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right);

/// Owns secret bytes; wipes them on destruction, assignment and move. There is no conversion to text on purpose.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const std::uint8_t> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  SecretBytes(const SecretBytes& other) = default;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(const SecretBytes& other) {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = other.bytes_;
    }
    return *this;
  }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }

  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  std::span<const std::uint8_t> view() const { return bytes_; }
  std::span<std::uint8_t> mutable_view() { return bytes_; }

  bool operator==(const SecretBytes& other) const { return equal_constant_time(bytes_, other.bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace isthmus
