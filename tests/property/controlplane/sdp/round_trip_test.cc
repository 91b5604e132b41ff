// parse(serialise(x)) == x for what the reader takes from damaged real descriptions; and nothing secret in a log.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"
#include "dataplane/base/random.h"

namespace isthmus::sdp {
namespace {

constexpr int kMutationsPerSample = 3000;

std::vector<std::string> samples() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(ISTHMUS_TEST_DATA) + "/sdp")) {
    if (entry.path().extension() != ".sdp") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    all.push_back(text.str());
  }
  return all;
}

std::string mutated(std::string text, RandomSource& random) {
  const std::uint32_t changes = 1 + random.below(4);
  for (std::uint32_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random.below(static_cast<std::uint32_t>(text.size()));
    switch (random.below(4)) {
      case 0: text[at] = static_cast<char>(' ' + random.below(95)); break;
      case 1: text.erase(at, 1 + random.below(8)); break;
      case 2:
        text.insert(at, text.substr(random.below(static_cast<std::uint32_t>(text.size())), random.below(40)));
        break;
      default: text[at] = "\r\n \t:;/|="[random.below(9)]; break;
    }
  }
  return text;
}

TEST(RoundTrip, WhatWasReadIsReadAgainTheSame) {
  SeededRandom random(1);
  const auto all = samples();
  ASSERT_GE(all.size(), 10U);
  int read = 0;
  for (const std::string& sample : all) {
    for (int i = 0; i < kMutationsPerSample; ++i) {
      const std::string text = i == 0 ? sample : mutated(sample, random);
      const auto once = parse(text);
      if (!once) continue;
      const std::string written = serialise(*once);
      RepairCounts repairs;
      const auto twice = parse(written, &repairs);
      ASSERT_TRUE(twice.has_value()) << to_string(twice.error()) << "\n" << written;
      ASSERT_EQ(*twice, *once) << written;
      ASSERT_EQ(serialise(*twice), written);
      for (const Repair repair : {Repair::kDamagedCrypto, Repair::kDamagedAttribute, Repair::kTrailingSpace}) {
        ASSERT_EQ(repairs[repair], 0U) << to_string(repair) << "\n" << written;
      }
      ++read;
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace isthmus::sdp
