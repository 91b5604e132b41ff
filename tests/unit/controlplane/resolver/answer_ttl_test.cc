#include "controlplane/resolver/answer_ttl.h"

#include <string>

#include <gtest/gtest.h>

namespace isthmus::resolver {
namespace {

std::string be16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)}; }
std::string be32(unsigned value) { return be16(value >> 16U) + be16(value & 0xFFFFU); }
const std::string kName = std::string("\3foo\7example") + '\0';

std::string message(unsigned answers, const std::string& records) {
  return be16(1) + be16(0x8180) + be16(1) + be16(answers) + be16(0) + be16(0) + kName + be16(33) + be16(1) + records;
}
std::string record(const std::string& name, unsigned ttl, const std::string& data) {
  return name + be16(33) + be16(1) + be32(ttl) + be16(static_cast<unsigned>(data.size())) + data;
}
std::optional<std::chrono::seconds> ttl_of(const std::string& text) {
  return least_ttl({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(LeastTtl, IsTheLeastOfTheAnswers) {
  const std::string pointer("\xC0\x0C");
  const std::string text = message(2, record(pointer, 300, "data") + record(kName, 60, "")) + "additional";
  EXPECT_EQ(ttl_of(text), std::chrono::seconds(60));
  EXPECT_EQ(ttl_of(message(1, record(pointer, 0x80000000U, ""))), std::chrono::seconds(0));  // RFC 2181 8
}

TEST(LeastTtl, DamagedMessagesHaveNone) {
  const std::string good = message(1, record(kName, 60, "data"));
  ASSERT_TRUE(ttl_of(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(ttl_of(good.substr(0, size))) << size;
  EXPECT_FALSE(ttl_of(message(0, "")));
  EXPECT_FALSE(ttl_of(message(2, record(kName, 60, "data"))));
  EXPECT_FALSE(ttl_of(message(1, record("\x80", 60, ""))));
  EXPECT_FALSE(ttl_of(message(257, "")));
}

TEST(LeastTtl, NamesHaveABound) {
  std::string labels;
  for (int i = 0; i < 127; ++i) labels += "\1a";
  EXPECT_TRUE(ttl_of(message(1, record(labels + '\0', 60, ""))));
  EXPECT_FALSE(ttl_of(message(1, record(labels + "\1a" + '\0', 60, ""))));
}

}  // namespace
}  // namespace isthmus::resolver
