#include "dataplane/session/port_pool.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace isthmus::session {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
const IpAddress kLocal = IpAddress::v4(192, 0, 2, 1);

TEST(PortPool, HoldsFiveHundredPairsByDefault) {
  PortPool pool(kLocal, kDefaultFirstPort, kDefaultLastPort, 1);
  SeededRandom random(1);
  std::set<std::uint16_t> drawn;
  for (int i = 0; i < 500; ++i) {
    const auto port = pool.draw(0, 0, random);
    ASSERT_TRUE(port);
    EXPECT_EQ(*port % 2, 0);
    EXPECT_GE(*port, 56'000);
    EXPECT_LE(*port, 56'998);
    drawn.insert(*port);
  }
  EXPECT_EQ(drawn.size(), 500U);
  const auto none = pool.draw(0, 0, random);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(none.error().field, "port");
  EXPECT_EQ(pool.ports_in_use(), 1000U);
}

TEST(PortPool, LeavesHalfPairsAtItsEndsAlone) {
  PortPool pool(kLocal, 56'001, 56'004, 1);
  SeededRandom random(1);
  EXPECT_EQ(pool.draw(0, 0, random).value(), 56'002);
  EXPECT_FALSE(pool.draw(0, 0, random));
  EXPECT_FALSE(PortPool(kLocal, 56'001, 56'002, 1).draw(0, 0, random));
  EXPECT_FALSE(PortPool(kLocal, 65'535, 65'535, 1).draw(0, 0, random));
  EXPECT_EQ(PortPool(kLocal, 65'534, 65'535, 1).draw(0, 0, random).value(), 65'534);
}

TEST(PortPool, FreedPairsRestTwoSeconds) {
  PortPool pool(kLocal, 56'000, 56'001, 1);
  SeededRandom random(1);
  pool.release(*pool.draw(0, 0, random), kSecond);
  EXPECT_EQ(pool.ports_resting(kSecond), 2U);
  EXPECT_FALSE(pool.draw(0, 3 * kSecond - 1, random));
  EXPECT_TRUE(pool.draw(0, 3 * kSecond, random));
}

TEST(PortPool, GivesNamedPairsForRecoveryAlsoWhileTheyRest) {
  PortPool pool(kLocal, 56'000, 56'003, 1);
  SeededRandom random(1);
  EXPECT_EQ(pool.take(56'002, 0).value(), 56'002);
  EXPECT_EQ(pool.take(56'002, 0).error().kind, ErrorKind::kExhausted);
  pool.release(56'002, 0);
  EXPECT_TRUE(pool.take(56'002, kSecond));
  // Its old rest ends without making it free.
  EXPECT_EQ(pool.draw(0, 5 * kSecond, random).value(), 56'000);
  EXPECT_FALSE(pool.draw(0, 5 * kSecond, random));
  for (const int port : {55'998, 56'001, 56'004, 0}) {
    EXPECT_EQ(pool.take(static_cast<std::uint16_t>(port), 0).error().kind, ErrorKind::kInvalidArgument) << port;
  }
}

TEST(PortPool, DrawsFromTheWorkersClass) {
  PortPool pool(kLocal, kDefaultFirstPort, kDefaultLastPort, 3);
  SeededRandom random(1);
  for (std::size_t worker = 0; worker < 3; ++worker) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(port_class(pool.draw(worker, 0, random).value(), 3), worker);
  }
}

TEST(PortPool, DrawsAtRandom) {
  PortPool pool(kLocal, kDefaultFirstPort, kDefaultLastPort, 1);
  SeededRandom random(1);
  const int first = *pool.draw(0, 0, random);
  const int second = *pool.draw(0, 0, random);
  const int third = *pool.draw(0, 0, random);
  EXPECT_FALSE(second == first + 2 && third == second + 2);
}

TEST(PortPool, DrawsWhatAnotherPoolHasFreeAsWell) {
  PortPool udp(kLocal, 56'000, 56'019, 1);
  PortPool tcp(kLocal, 56'000, 56'019, 1, true);
  SeededRandom random(3);
  for (const std::uint16_t used : std::initializer_list<std::uint16_t>{56'000, 56'004, 56'008, 56'012, 56'016}) {
    ASSERT_TRUE(tcp.take(used, 0));
  }
  tcp.release(56'000, 0);  // rests: not free either
  std::set<std::uint16_t> drawn;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(tcp.is_free(56'000, 0));
    const std::uint16_t port = udp.draw(0, 0, random, &tcp).value();
    EXPECT_TRUE(tcp.is_free(port, 0)) << port;
    drawn.insert(port);
  }
  EXPECT_EQ(drawn, (std::set<std::uint16_t>{56'002, 56'006, 56'010, 56'014, 56'018}));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(tcp.is_free(udp.draw(0, 0, random, &tcp).value(), 0)) << "what is left";
  EXPECT_FALSE(udp.draw(0, 0, random, &tcp));
  EXPECT_TRUE(tcp.is_free(56'000, kPortRestNs));
  EXPECT_FALSE(tcp.is_free(56'001, 0));
  EXPECT_FALSE(tcp.is_free(56'020, 0));
}

}  // namespace
}  // namespace isthmus::session
