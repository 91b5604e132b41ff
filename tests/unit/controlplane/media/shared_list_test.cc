#include "controlplane/media/shared_list.h"

#include <gtest/gtest.h>

#include <string>

namespace isthmus::media {
namespace {

TEST(SharedList, CopiesAreTheSameList) {
  const SharedList<std::string> list{"PCMA", "PCMU"};
  const SharedList<std::string> copy = list;
  EXPECT_EQ(&copy.items(), &list.items());
  EXPECT_EQ(std::vector<std::string>(copy.begin(), copy.end()), (std::vector<std::string>{"PCMA", "PCMU"}));
}

TEST(SharedList, WhatIsAssignedToOneCopyIsNotInTheOther) {
  const SharedList<std::string> list{"PCMA"};
  SharedList<std::string> other = list;
  other = {"G722"};
  EXPECT_EQ(list.items().front(), "PCMA");
  EXPECT_EQ(other.items().front(), "G722");
}

TEST(SharedList, ThereIsAlwaysAList) {
  EXPECT_TRUE(SharedList<int>().items().empty());
  SharedList<int> list{1};
  const SharedList<int> taken = std::move(list);
  EXPECT_EQ(list.items().size(), 1U);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(taken.items().size(), 1U);
}

}  // namespace
}  // namespace isthmus::media
