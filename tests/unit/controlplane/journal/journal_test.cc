#include "controlplane/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace isthmus::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Entry = std::pair<std::string, std::string>;

Bytes bytes(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::vector<Entry> entries(const Journal& journal) {
  std::vector<Entry> found;
  journal.for_each([&](std::string_view key, Bytes content) {
    found.emplace_back(key, std::string(content.begin(), content.end()));
  });
  return found;
}

bool holds(const Medium& medium, const std::string& text) {
  return !std::ranges::search(medium.view(), bytes(text)).empty();
}

class JournalTest : public ::testing::Test {
 protected:
  Journal open() {
    Result<Journal> journal = Journal::open(medium_);
    EXPECT_TRUE(journal) << to_string(journal.error());
    return *std::move(journal);
  }
  MappedMedium medium_ = MappedMedium::in_process(256U * 1024U);
};

TEST_F(JournalTest, RecordsAreThereAgainAfterARestartOldestFirst) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.put("call-1", bytes("one")));
    ASSERT_TRUE(journal.put("call-2", bytes("two")));
    ASSERT_TRUE(journal.put("call-3", bytes("three")));
    ASSERT_TRUE(journal.put("call-1", bytes("one again")));
    journal.erase("call-2");
  }
  Journal again = open();
  EXPECT_THAT(entries(again), ElementsAre(Entry{"call-3", "three"}, Entry{"call-1", "one again"}));
  EXPECT_EQ(again.counters().recovered, 2U);
  EXPECT_EQ(again.counters().damaged, 0U);
  EXPECT_TRUE(again.contains("call-1"));
  EXPECT_FALSE(again.contains("call-2"));
}

TEST_F(JournalTest, TheSamePutTwiceWritesNothing) {
  Journal journal = open();
  ASSERT_TRUE(journal.put("call", bytes("same")));
  const std::vector<std::uint8_t> before(medium_.view().begin(), medium_.view().end());
  ASSERT_TRUE(journal.put("call", bytes("same")));
  journal.erase("unknown");
  EXPECT_TRUE(std::ranges::equal(before, medium_.view()));
  EXPECT_EQ(journal.counters().puts, 1U);
}

TEST_F(JournalTest, WhatIsReplacedOrErasedIsWiped) {
  Journal journal = open();
  ASSERT_TRUE(journal.put("call", bytes("inline:first-key")));
  EXPECT_TRUE(holds(medium_, "inline:first-key"));
  ASSERT_TRUE(journal.put("call", bytes("inline:second-key")));
  EXPECT_FALSE(holds(medium_, "inline:first-key"));
  journal.erase("call");
  EXPECT_FALSE(holds(medium_, "inline:second-key"));
}

TEST_F(JournalTest, EmptyContentIsARecord) {
  Journal journal = open();
  ASSERT_TRUE(journal.put("call", {}));
  EXPECT_THAT(entries(open()), ElementsAre(Entry{"call", ""}));
}

TEST_F(JournalTest, KeysAndContentsHaveBounds) {
  Journal journal = open();
  EXPECT_TRUE(journal.put(std::string(kMaxKeyBytes, 'k'), bytes("x")));
  EXPECT_EQ(journal.put(std::string(kMaxKeyBytes + 1, 'k'), bytes("x")).error().field, "key");
  EXPECT_EQ(journal.put("", bytes("x")).error().field, "key");
  EXPECT_TRUE(journal.put("k", bytes(std::string(kMaxContentBytes, 'c'))));
  EXPECT_EQ(journal.put("k", bytes(std::string(kMaxContentBytes + 1, 'c'))).error().field, "content");
}

TEST_F(JournalTest, CompactionKeepsEveryRecordAndItsOrder) {
  Journal journal = open();
  std::vector<Entry> expected;
  for (int call = 0; call < 20; ++call) {
    expected.emplace_back("call-" + std::to_string(call), std::string(500, static_cast<char>('a' + call)));
    ASSERT_TRUE(journal.put(expected.back().first, bytes(expected.back().second)));
  }
  ASSERT_TRUE(journal.put("busy", bytes("0")));
  for (int i = 1; i < 5000; ++i) ASSERT_TRUE(journal.put("busy", bytes(std::to_string(i))));
  EXPECT_GE(journal.counters().compactions, 2U);
  expected.emplace_back("busy", "4999");
  EXPECT_EQ(entries(journal), expected);
  EXPECT_EQ(entries(open()), expected);
}

TEST_F(JournalTest, AFullJournalRefusesAndKeepsWhatItHas) {
  Journal journal = open();
  const std::string content(1000, 'c');
  int taken = 0;
  Status status;
  while ((status = journal.put("call-" + std::to_string(taken), bytes(content)))) ++taken;
  EXPECT_EQ(status.error().kind, ErrorKind::kExhausted);
  EXPECT_GT(journal.live_bytes() + 1100, journal.capacity_bytes());
  EXPECT_LE(journal.live_bytes(), journal.capacity_bytes());
  EXPECT_EQ(journal.put("call-0", bytes(std::string(9000, 'd'))).error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(journal.counters().refused_full, 2U);
  EXPECT_EQ(static_cast<int>(journal.size()), taken);
  EXPECT_EQ(entries(open()).front(), (Entry{"call-0", content}));
  // A full journal can still change and end its calls.
  EXPECT_TRUE(journal.put("call-0", bytes(std::string(1000, 'e'))));
  journal.erase("call-1");
  EXPECT_TRUE(journal.put("another", bytes(content)));
}

TEST_F(JournalTest, ADamagedContentCostsThatRecordOnly) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.put("call-1", bytes("unhurt-1")));
    ASSERT_TRUE(journal.put("call-2", bytes("to-be-hurt")));
    ASSERT_TRUE(journal.put("call-3", bytes("unhurt-3")));
  }
  const auto at = std::ranges::search(medium_.view(), bytes("to-be-hurt")).begin() - medium_.view().begin();
  medium_.write(static_cast<std::size_t>(at), bytes("X"));
  Journal journal = open();
  EXPECT_THAT(entries(journal), ElementsAre(Entry{"call-1", "unhurt-1"}, Entry{"call-3", "unhurt-3"}));
  EXPECT_EQ(journal.counters().damaged, 1U);
  EXPECT_FALSE(holds(medium_, "o-be-hurt"));
}

TEST_F(JournalTest, ADamagedHeadEndsTheScanThereAndTheJournalGoesOn) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.put("call-1", bytes("unhurt-1")));
    ASSERT_TRUE(journal.put("call-2", bytes("second")));
    ASSERT_TRUE(journal.put("call-3", bytes("third")));
  }
  const auto key_at = std::ranges::search(medium_.view(), bytes("call-2")).begin() - medium_.view().begin();
  medium_.write(static_cast<std::size_t>(key_at) - 16, bytes("\xff\xff\xff\xff"));  // its lengths
  {
    Journal journal = open();
    EXPECT_THAT(entries(journal), ElementsAre(Entry{"call-1", "unhurt-1"}));
    EXPECT_EQ(journal.counters().damaged, 1U);
    EXPECT_FALSE(holds(medium_, "third"));
    ASSERT_TRUE(journal.put("call-4", bytes("fourth")));
  }
  EXPECT_THAT(entries(open()), ElementsAre(Entry{"call-1", "unhurt-1"}, Entry{"call-4", "fourth"}));
}

TEST_F(JournalTest, AnyOneDamagedByteLosesNothingUnsaid) {
  {
    Journal journal = open();
    for (int call = 0; call < 4; ++call) ASSERT_TRUE(journal.put("call-" + std::to_string(call), bytes("content")));
  }
  const std::vector<std::uint8_t> whole(medium_.view().begin(), medium_.view().end());
  for (std::size_t at = 0; at < 400; ++at) {
    medium_.write(0, whole);
    const std::uint8_t changed = static_cast<std::uint8_t>(whole[at] ^ 0x5aU);
    medium_.write(at, Bytes(&changed, 1));
    const Result<Journal> journal = Journal::open(medium_);
    if (!journal) continue;  // the half's own commit word
    for (const Entry& entry : entries(*journal)) EXPECT_EQ(entry.second, "content") << at;
  }
}

TEST_F(JournalTest, ContentsThatLookLikeRecordsStayContents) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.put("inner", bytes("forged")));
    const std::string image(medium_.view().begin() + 24, medium_.view().begin() + 200);
    ASSERT_TRUE(journal.put("outer", bytes(image)));
    journal.erase("inner");
  }
  Journal journal = open();
  EXPECT_EQ(journal.size(), 1U);
  EXPECT_TRUE(journal.contains("outer"));
}

TEST_F(JournalTest, MemoryThatIsNoJournalIsRefusedUntilFormatted) {
  medium_.write(0, bytes("something else entirely"));
  EXPECT_EQ(Journal::open(medium_).error().kind, ErrorKind::kMalformedInput);
  EXPECT_TRUE(Journal::format(medium_));
  EXPECT_THAT(entries(open()), IsEmpty());
  MappedMedium small = MappedMedium::in_process(4096);
  EXPECT_EQ(Journal::open(small).error().kind, ErrorKind::kInvalidArgument);
}

TEST(MappedMedium, AMemoryFileIsSharedWithTheNextProcessAndGivesItsMemoryBack) {
  const int fd = ::memfd_create("journal-test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 32 << 20), 0);
  const auto pages_taken = [&] {
    struct stat file{};
    ::fstat(fd, &file);
    return file.st_blocks / 8;
  };
  {
    Result<MappedMedium> medium = MappedMedium::map(fd);
    ASSERT_TRUE(medium);
    Result<Journal> journal = Journal::open(*medium);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->put("call", bytes("kept")));
    EXPECT_LT(pages_taken(), 64) << "memory is taken as it is used";
    medium->write(20U << 20U, bytes("left by a process that was killed while it compacted"));
  }
  Result<MappedMedium> medium = MappedMedium::map(fd);
  ASSERT_TRUE(medium);
  Result<Journal> journal = Journal::open(*medium);
  ASSERT_TRUE(journal);
  EXPECT_THAT(entries(*journal), ElementsAre(Entry{"call", "kept"}));
  EXPECT_FALSE(holds(*medium, "left by"));
  ::close(fd);
}

TEST(MappedMedium, RecoveryOfALargeFileTakesNoMemory) {
  const int fd = ::memfd_create("journal-test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 64 << 20), 0);
  for (int start = 0; start < 2; ++start) {
    Result<MappedMedium> medium = MappedMedium::map(fd);
    ASSERT_TRUE(medium);
    ASSERT_TRUE(Journal::open(*medium));
    struct stat file{};
    ASSERT_EQ(::fstat(fd, &file), 0);
    EXPECT_LT(file.st_blocks / 8, 64);
  }
  ::close(fd);
}

TEST(MappedMedium, WhatCannotBeMappedIsSaid) {
  EXPECT_EQ(MappedMedium::map(-1).error().field, "journal-fd");
  const int fd = ::memfd_create("empty", MFD_CLOEXEC);
  EXPECT_EQ(MappedMedium::map(fd).error().kind, ErrorKind::kInvalidArgument);
  ::close(fd);
}

}  // namespace
}  // namespace isthmus::journal
