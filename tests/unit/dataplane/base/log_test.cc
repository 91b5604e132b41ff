#include "dataplane/base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace isthmus::log {
namespace {

TEST(LogEscape, KeepsPlainValuesPlain) {
  EXPECT_EQ(escape("sip:3001@video.example.com"), "sip:3001@video.example.com");
}

TEST(LogEscape, NeverLetsAPeerStartALineOrAField) {
  EXPECT_EQ(escape("a\r\nERROR fake=1"), "\"a\\x0d\\x0aERROR fake=1\"");
  EXPECT_EQ(escape("x\" y=\"z"), "\"x\\\" y=\\\"z\"");
  EXPECT_EQ(escape(""), "\"\"");
}

TEST(LogEscape, CutsAtTheBoundAndSaysSo) {
  EXPECT_EQ(escape(std::string(kMaxValueBytes, 'a')), std::string(kMaxValueBytes, 'a'));
  EXPECT_EQ(escape(std::string(kMaxValueBytes + 1, 'a')), std::string(kMaxValueBytes, 'a') + "...");
}

}  // namespace
}  // namespace isthmus::log
