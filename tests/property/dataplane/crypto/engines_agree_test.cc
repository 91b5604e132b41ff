// The two engines agree on bytes and verdicts over random packets of every suite: protect, unprotect, tampering, cuts,
// replays, roll-overs, MKIs, several SSRCs, CSRCs and extensions, SRTCP with and without the E bit.

#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "tests/support/crypto/twin_engines.h"

namespace isthmus::crypto {
namespace {

TEST(Engines, AgreeOnEveryPacket) {
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    std::vector<std::uint8_t> bytes(4000);
    random.fill(bytes);
    bytes[0] = static_cast<std::uint8_t>(seed);  // each suite in turn
    test::Octets input(bytes);
    test::TwinEngines twins(input);
    twins.run();
    ASSERT_FALSE(twins.disagreement) << "seed " << seed << ": " << *twins.disagreement;
    accepted += twins.accepted();
    refused += twins.refused();
  }
  EXPECT_GT(accepted, 100'000U);
  EXPECT_GT(refused, 10'000U);
}

}  // namespace
}  // namespace isthmus::crypto
