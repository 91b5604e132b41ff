#include "controlplane/b2bua/archive.h"

#include <gtest/gtest.h>

namespace isthmus::b2bua {
namespace {

TEST(ArchiveWriter, TakesWhatJustFits) {
  ArchiveWriter writer(12);
  writer(std::uint64_t{1}, std::string());
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.view().size(), 12U);
}

TEST(ArchiveWriter, OneOctetMoreIsTooMuchAndWritesNothing) {
  ArchiveWriter numbers(8);
  numbers(std::uint64_t{1}, true);
  EXPECT_FALSE(numbers.ok());
  EXPECT_EQ(numbers.view().size(), 8U);
  ArchiveWriter texts(6);
  texts(std::string("abc"));
  EXPECT_FALSE(texts.ok());
  EXPECT_EQ(texts.view().size(), 4U);
  texts.clear();
  EXPECT_TRUE(texts.ok());
  EXPECT_TRUE(texts.view().empty());
}

TEST(ArchiveWriter, IsReadBackAsItWas) {
  ArchiveWriter writer(64);
  writer(std::uint16_t{4321}, std::string("call"), true);
  ArchiveReader reader(writer.view());
  std::uint16_t number = 0;
  std::string text;
  bool flag = false;
  reader(number, text, flag);
  EXPECT_TRUE(reader.ok() && reader.at_end());
  EXPECT_EQ(number, 4321);
  EXPECT_EQ(text, "call");
  EXPECT_TRUE(flag);
}

}  // namespace
}  // namespace isthmus::b2bua
