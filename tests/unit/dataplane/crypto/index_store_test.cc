#include "dataplane/crypto/index_store.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <set>

namespace isthmus::crypto {
namespace {

class IndexStoreTest : public testing::Test {
 protected:
  IndexStoreTest() { EXPECT_EQ(ftruncate(file_, 64 * 64), 0); }
  ~IndexStoreTest() override { close(file_); }
  std::unique_ptr<IndexStore> open() {
    auto store = IndexStore::open(file_);
    EXPECT_TRUE(store);
    return std::move(*store);
  }
  static contract::SrtpKey key(std::uint8_t fill) {
    contract::SrtpKey key;
    key.master_key = SecretBytes(std::vector<std::uint8_t>(16, fill));
    key.master_salt = SecretBytes(std::vector<std::uint8_t>(14, fill));
    return key;
  }
  const int file_ = memfd_create("index-store-test", 0);
};

TEST_F(IndexStoreTest, GivesEachPlaceOnceAndTakesItBack) {
  const auto store = open();
  std::set<std::uint32_t> places;
  for (std::uint32_t place = store->take(); place != 0; place = store->take()) EXPECT_TRUE(places.insert(place).second);
  EXPECT_EQ(places.size(), 64U * 64 / (64 + 8) - 1);  // a line is the header's
  for (const std::uint32_t place : places) store->give_back(place);
  for (std::size_t i = 0; i < places.size(); ++i) EXPECT_TRUE(places.contains(store->take()));
  EXPECT_EQ(store->take(), 0U);
}

TEST_F(IndexStoreTest, AnotherProcessFindsWhatWasUsedByItsNameAlone) {
  std::uint64_t name = 0;
  {
    const auto store = open();
    name = store->fingerprint(key(1), true, 7);
    EXPECT_NE(name, store->fingerprint(key(1), false, 7));
    EXPECT_NE(name, store->fingerprint(key(1), true, 8));
    EXPECT_NE(name, store->fingerprint(key(2), true, 7));
    IndexSlot& used = store->slot(store->take());
    used.ssrc = 99;
    EXPECT_EQ(store->used_up(used), 0U);
    store->begin(used, 69'000);
    EXPECT_EQ(store->used_up(used), 0U);  // killed in between: nothing was sent
    used.rtp.use(69'000);
    used.rtp.use(70'000);
    used.fingerprint = name;
    store->slot(store->take()).fingerprint = name;  // taken, and killed before anything was sent
  }
  const auto store = open();
  EXPECT_EQ(store->orphans(), 1U);
  EXPECT_EQ(store->fingerprint(key(1), true, 7), name);
  const std::uint32_t place = store->adopt(name);
  ASSERT_NE(place, 0U);
  EXPECT_EQ(store->next(place), 0U);
  EXPECT_EQ(store->slot(place).ssrc, 99U);
  EXPECT_EQ(store->slot(place).rtp.highest(), 70'000U);
  EXPECT_EQ(store->used_up(store->slot(place)), 1001U);
  EXPECT_EQ(store->adopt(name), 0U);
}

TEST_F(IndexStoreTest, AFileOfAnotherLayoutIsBegunAnew) {
  {
    const auto store = open();
    IndexSlot& used = store->slot(store->take());
    used.rtp.use(1);
    used.fingerprint = 5;
  }
  const std::uint32_t other = 77;
  ASSERT_EQ(pwrite(file_, &other, sizeof other, 8), 4);
  EXPECT_EQ(open()->orphans(), 0U);
}

}  // namespace
}  // namespace isthmus::crypto
