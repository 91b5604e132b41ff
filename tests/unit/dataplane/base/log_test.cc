#include "dataplane/base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

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

TEST(LogWrite, OneLineWithTimeProcessLevelAndFields) {
  testing::internal::CaptureStderr();
  start("unit", Level::kInfo);
  debug("not.shown", {});
  info("call.up",
       {{"plain", "sip:a@b"}, {"words", "two words"}, {"none", ""}, {"sign", "a=b"}, {"path", "a\\b"}, {"n", 7}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.size() - line.find('\n'), 1U);
  EXPECT_EQ(line.substr(26), "Z unit[" + std::to_string(::getpid()) +
                                 "] info call.up plain=sip:a@b words=\"two words\" none=\"\" sign=\"a=b\" "
                                 "path=\"a\\\\b\" n=7\n");
}

TEST(LogWrite, WhatLooksLikeAFormatIsText) {
  testing::internal::CaptureStderr();
  start("unit", Level::kInfo);
  info("sip.unsent", {{"why", "{}%v{0"}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("why={}%v{0\n"), std::string::npos);
}

}  // namespace
}  // namespace isthmus::log
