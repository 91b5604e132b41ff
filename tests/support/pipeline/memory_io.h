#pragma once

// The io interface on plain memory: counts what is out, so that a test sees leaks and double releases.

#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "dataplane/io/io.h"

namespace isthmus::test {

class MemoryIo final : public io::Io {
 public:
  static constexpr std::uint16_t kHeadroom = 128;
  static constexpr std::uint16_t kBuffer = 2048 + 128;

  explicit MemoryIo(std::size_t buffers = 4096, std::uint64_t ports_with_sums = 0)
      : left_(buffers), ports_with_sums_(ports_with_sums) {}

  void receive(io::Burst& burst) override { burst.count = 0; }
  std::size_t send(io::Burst& burst) override {
    for (std::size_t i = 0; i < burst.count; ++i) release(burst.frames[i]);
    burst.count = 0;
    return 0;
  }
  void release(const io::Frame& frame) override {
    auto* buffer = static_cast<std::uint8_t*>(frame.handle);
    if (out_.erase(buffer) == 0) ++double_releases;
    delete[] buffer;
    ++left_;
  }
  io::Frame allocate() override {
    io::Frame frame;
    if (left_ == 0) return frame;
    --left_;
    auto* buffer = new std::uint8_t[kBuffer]{};
    out_.insert(buffer);
    frame.handle = buffer;
    frame.data = buffer + kHeadroom;
    frame.headroom = kHeadroom;
    frame.tailroom = kBuffer - kHeadroom;
    return frame;
  }
  io::IoCounters counters() const override { return {}; }
  std::uint64_t ports_with_sums() const override { return ports_with_sums_; }

  /// A frame as if received. `tailroom` bytes are writable behind it.
  io::Frame received(std::span<const std::uint8_t> bytes, std::uint16_t tailroom = io::kMinTailroomBytes) {
    io::Frame frame = allocate();
    std::copy(bytes.begin(), bytes.end(), frame.data);
    frame.length = static_cast<std::uint16_t>(bytes.size());
    frame.tailroom = tailroom;
    return frame;
  }
  std::size_t outstanding() const { return out_.size(); }

  std::size_t double_releases = 0;

 private:
  std::size_t left_;
  const std::uint64_t ports_with_sums_;
  std::set<std::uint8_t*> out_;
};

}  // namespace isthmus::test
