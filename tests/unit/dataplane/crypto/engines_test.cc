#include "dataplane/crypto/engines.h"

#include <gtest/gtest.h>

namespace isthmus::crypto {
namespace {

TEST(Engines, TheFastOneIsTheDefaultAndTheReferenceCanBeForced) {
  const auto fast = Engines::open(EngineChoice::kAuto, -1);
  ASSERT_TRUE(fast);
  EXPECT_EQ(fast->make()->name(), "ipsec-mb");
  const auto reference = Engines::open(EngineChoice::kLibsrtp2, -1);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->make()->name(), "libsrtp2");
}

TEST(Engines, AMemoryFileThatIsNoneIsAnError) {
  const auto engines = Engines::open(EngineChoice::kAuto, 1'000'000);
  ASSERT_FALSE(engines);
  EXPECT_EQ(engines.error().field, "index-memory-fd");
}

}  // namespace
}  // namespace isthmus::crypto
