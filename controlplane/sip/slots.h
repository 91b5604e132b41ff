#pragma once

// Objects named by slot and generation: an id of something that is gone finds nothing. Inside of the folder.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace isthmus::sip {

/// One thread. Addresses stay until erase(). Id is an enum over std::uint64_t; no id is ever 0.
template <typename T, typename Id>
class Slots {
 public:
  template <typename... Args>
  std::pair<Id, T*> emplace(Args&&... args) {
    std::uint32_t index = 0;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Slot& slot = slots_[index];
    slot.object = std::make_unique<T>(std::forward<Args>(args)...);
    return {Id{(static_cast<std::uint64_t>(slot.generation) << 32U) | index}, slot.object.get()};
  }

  T* find(Id id) {
    const auto value = static_cast<std::uint64_t>(id);
    const auto index = static_cast<std::uint32_t>(value);
    if (index >= slots_.size() || slots_[index].generation != static_cast<std::uint32_t>(value >> 32U)) return nullptr;
    return slots_[index].object.get();
  }
  const T* find(Id id) const { return const_cast<Slots*>(this)->find(id); }

  void erase(Id id) {
    if (find(id) == nullptr) return;
    const auto index = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
    Slot& slot = slots_[index];
    slot.object.reset();
    if (++slot.generation == 0) slot.generation = 1;
    free_.push_back(index);
  }

  std::size_t size() const { return slots_.size() - free_.size(); }

  template <typename Visit>
  void for_each(Visit visit) {
    for (Slot& slot : slots_) {
      if (slot.object) visit(*slot.object);
    }
  }

 private:
  struct Slot {
    std::unique_ptr<T> object;
    std::uint32_t generation = 1;
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace isthmus::sip
