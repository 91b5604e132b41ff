#pragma once

// A list that nobody changes once it is made: copies of it are one pointer. The media of a call are copied at every
// step, and what its zones allow goes along each time.

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace isthmus::media {

template <typename T>
class SharedList {
 public:
  SharedList() : SharedList(std::vector<T>()) {}
  SharedList(std::vector<T> items) : items_(std::make_shared<const std::vector<T>>(std::move(items))) {}
  SharedList(std::initializer_list<T> items) : SharedList(std::vector<T>(items)) {}
  // Moving copies: there is always a list.
  SharedList(const SharedList&) = default;
  SharedList& operator=(const SharedList&) = default;
  ~SharedList() = default;

  const std::vector<T>& items() const { return *items_; }
  auto begin() const { return items_->begin(); }
  auto end() const { return items_->end(); }

 private:
  std::shared_ptr<const std::vector<T>> items_;  // shared, because no copy is the last to go
};

}  // namespace isthmus::media
