#pragma once

// Builds netlink messages into one buffer: enough for the few requests that this folder sends itself.

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace isthmus::io {

class NetlinkBatch {
 public:
  void begin(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) {
    message_ = bytes_.size();
    const nlmsghdr header{0, type, flags, sequence, 0};
    put(&header, sizeof header);
  }
  template <typename T>
  void header(const T& value) {
    put(&value, sizeof value);
  }
  void attribute(std::uint16_t type, std::span<const std::uint8_t> value) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
    put(&head, sizeof head);
    put(value.data(), value.size());
  }
  /// With the terminating zero, as the kernel wants names.
  void text(std::uint16_t type, std::string_view value) {
    std::vector<std::uint8_t> bytes(value.begin(), value.end());
    bytes.push_back(0);
    attribute(type, bytes);
  }
  void be32(std::uint16_t type, std::uint32_t value) {
    value = __builtin_bswap32(value);
    std::uint8_t bytes[4];
    std::memcpy(bytes, &value, 4);
    attribute(type, bytes);
  }
  /// Everything until the matching close() is inside.
  [[nodiscard]] std::size_t open(std::uint16_t type) {
    const std::size_t at = bytes_.size();
    const nlattr head{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)};
    put(&head, sizeof head);
    return at;
  }
  void close(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(&bytes_[at], &length, sizeof length);
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(bytes_.size() - message_);
    std::memcpy(&bytes_[message_], &length, sizeof length);
  }
  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  void put(const void* from, std::size_t length) {
    const auto* bytes = static_cast<const std::uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + length);
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
  }
  std::vector<std::uint8_t> bytes_;
  std::size_t message_ = 0;
};

}  // namespace isthmus::io
