#pragma once

// Where frames for one remote address leave: the agent writes it from the kernel's routes and neighbours, the worker
// copies it into its header templates when the version has moved.

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>

#include "dataplane/base/address.h"

namespace isthmus::session {

inline constexpr std::uint16_t kMaxIoPort = 0x7fff;

struct NextHopValue {
  std::array<std::uint8_t, 6> destination_mac{};
  std::array<std::uint8_t, 6> source_mac{};
  std::uint16_t io_port = 0;  ///< io::Frame::port of what is sent, at most kMaxIoPort
  std::uint16_t mtu = 1500;   ///< bytes of the IP packet, 576..9000
  bool valid = false;         ///< false: no route or no neighbour yet; packets are dropped with no_route

  bool operator==(const NextHopValue&) const = default;
};

/// Written by the control thread, read by one worker. A sequence lock of 64-bit words: no reader ever waits.
class alignas(64) NextHop {
 public:
  NextHop() = default;
  /// `changes` counts the changes of all next hops of a table, so that a worker looks at one number a burst.
  explicit NextHop(std::atomic<std::uint32_t>& changes) : changes_(&changes) {}

  /// Control thread. An equal value changes nothing.
  void set(const NextHopValue& value);
  /// Control thread.
  const NextHopValue& value() const { return value_; }

  /// Worker: moves with each change; even when not being written. 0: never set.
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }
  /// Worker: false while a write is under way (keep the copy you have and look again with the next packet).
  bool read(NextHopValue& value, std::uint32_t& version) const;

 private:
  std::atomic<std::uint32_t> version_{0};
  std::array<std::atomic<std::uint64_t>, 2> words_{};
  NextHopValue value_;  // control thread's own copy
  std::atomic<std::uint32_t>* changes_ = nullptr;
};

/// What a session wants to reach, and from which of our networks.
struct NextHopKey {
  std::uint16_t network = 0;  ///< place in the configuration
  IpAddress local;            ///< our media address
  IpAddress remote;
  bool tcp = false;  ///< by the kernel's connections: known at once
  auto operator<=>(const NextHopKey&) const = default;
};

/// The agent's side: it keeps wanted next hops up to date with NextHop::set(). Called on the control thread.
class NextHopListener {
 public:
  virtual ~NextHopListener() = default;
  /// From now on the address is needed. May call set() at once (best: it saves the first packets).
  virtual void wanted(const NextHopKey& key, NextHop& next_hop) = 0;
  /// No session and no worker needs it any more; `next_hop` is destroyed after this.
  virtual void unwanted(const NextHopKey& key, NextHop& next_hop) = 0;
};

/// All next hops in use, shared by the sessions that send to the same address. Control thread.
class NextHopTable {
 public:
  explicit NextHopTable(NextHopListener& listener) : listener_(listener) {}
  NextHopTable(const NextHopTable&) = delete;
  NextHopTable& operator=(const NextHopTable&) = delete;

  /// Adds a reference. The object stays where it is until the last release().
  NextHop& acquire(const NextHopKey& key);
  /// Takes a reference away; call it only when no worker uses the object through this reference any more.
  void release(const NextHopKey& key);
  std::size_t size() const { return entries_.size(); }
  /// Moves after each change of any of them; a worker reads it.
  const std::atomic<std::uint32_t>& changes() const { return changes_; }

 private:
  struct Entry {
    std::unique_ptr<NextHop> next_hop;
    std::size_t references = 0;
  };
  NextHopListener& listener_;
  std::atomic<std::uint32_t> changes_{0};
  std::map<NextHopKey, Entry> entries_;
};

}  // namespace isthmus::session
