// The journal's promise: a process that is killed loses at most the record it was writing, never an older one. Here it
// is killed after every single store of every operation, of recovery too, and then for real with SIGKILL.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <string>

#include "controlplane/journal/journal.h"

namespace isthmus::journal {
namespace {

using Calls = std::map<std::string, std::string>;

Bytes bytes(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

/// Stops storing after `budget` stores: octets one by one, words as one.
class CutMedium final : public Medium {
 public:
  explicit CutMedium(std::vector<std::uint8_t> content) : content_(std::move(content)) {}

  Bytes view() const override { return content_; }
  void write(std::size_t offset, Bytes from) override {
    const std::size_t taken = take(from.size());
    std::copy_n(from.begin(), taken, content_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void write_word(std::size_t offset, std::uint64_t value) override {
    if (take(1) == 1) std::memcpy(content_.data() + offset, &value, sizeof value);
  }
  void wipe(std::size_t offset, std::size_t size) override {
    std::fill_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), take(size), std::uint8_t{0});
  }

  std::size_t budget = ~std::size_t{0};
  std::size_t used = 0;
  const std::vector<std::uint8_t>& content() const { return content_; }

 private:
  std::size_t take(std::size_t wanted) {
    const std::size_t taken = std::min(wanted, budget);
    budget -= taken;
    used += wanted;
    return taken;
  }
  std::vector<std::uint8_t> content_;
};

Calls calls_in(const Journal& journal) {
  Calls calls;
  journal.for_each([&](std::string_view key, Bytes content) {
    EXPECT_TRUE(calls.emplace(key, std::string(content.begin(), content.end())).second) << "a call twice";
  });
  return calls;
}

Calls recovered(const std::vector<std::uint8_t>& memory) {
  CutMedium medium(memory);
  const Result<Journal> journal = Journal::open(medium);
  EXPECT_TRUE(journal);
  if (!journal) return {};
  EXPECT_EQ(journal->counters().damaged, 0U) << "a cut is not damage";
  return calls_in(*journal);
}

struct Operation {
  std::string key;
  std::string content;  ///< empty: erase
};

void apply(Journal& journal, const Operation& operation) {
  if (operation.content.empty()) {
    journal.erase(operation.key);
  } else {
    EXPECT_TRUE(journal.put(operation.key, bytes(operation.content)));
  }
}

/// Puts of new and known calls, erasures, and in the end enough to fill a half and compact it.
std::vector<Operation> script() {
  std::vector<Operation> operations = {{"a", "first"}, {"b", std::string(100, 'b')}, {"a", "second"}, {"c", "x"},
                                       {"b", ""},      {"d", std::string(50, 'd')},  {"a", ""},       {"a", "third"}};
  for (char round = '0'; round < '9'; ++round) operations.push_back({"big", std::string(4000, round)});
  operations.push_back({"e", "after the compaction"});
  operations.push_back({"c", ""});
  return operations;
}

TEST(JournalCut, EachOperationHappensWholeOrNotAtAllWhereverItIsCut) {
  std::vector<std::uint8_t> memory(kMinMediumBytes);
  Calls before;
  std::size_t cuts = 0;
  std::uint64_t compactions = 0;
  for (const Operation& operation : script()) {
    Calls after = before;
    after.erase(operation.key);
    if (!operation.content.empty()) after.emplace(operation.key, operation.content);

    CutMedium whole(memory);
    Result<Journal> journal = Journal::open(whole);
    ASSERT_TRUE(journal);
    const std::size_t opening = whole.used;
    apply(*journal, operation);
    compactions += journal->counters().compactions;
    const std::size_t operating = whole.used - opening;
    ASSERT_EQ(calls_in(*journal), after);
    bool seen_after = false;
    // Every store at the ends of the operation, where the commit words are; every 61st inside a long wipe or copy.
    for (std::size_t cut = 0; cut <= operating; cut += cut < 600 || cut + 600 > operating ? 1 : 61) {
      CutMedium medium(memory);
      Result<Journal> dying = Journal::open(medium);
      medium.budget = cut;
      apply(*dying, operation);
      const Calls found = recovered(medium.content());
      ASSERT_TRUE(found == before || found == after) << operation.key << " cut at " << cut << " of " << operating;
      ASSERT_TRUE(!seen_after || found == after) << "what was there once stays, cut at " << cut;
      seen_after = found == after && before != after;
      ++cuts;
    }
    ASSERT_EQ(recovered(whole.content()), after);
    memory = whole.content();
    before = after;
  }
  EXPECT_GT(cuts, 5000U);
  EXPECT_GE(compactions, 1U);
}

TEST(JournalCut, TheFirstStartAndEveryRecoveryMayBeCutToo) {
  // A half-written record behind the tail, a replaced record still alive, an old half not wiped: cut while recovering.
  std::vector<std::uint8_t> memory(kMinMediumBytes);
  Calls calls;
  for (const Operation& operation : script()) {
    CutMedium running(memory);
    Result<Journal> journal = Journal::open(running);
    ASSERT_TRUE(journal);
    const std::size_t before_operation = running.used;
    CutMedium probe(memory);
    Result<Journal> probing = Journal::open(probe);
    apply(*probing, operation);
    running.budget = (probe.used - before_operation) * 2 / 3;
    apply(*journal, operation);
    const Calls expected = recovered(running.content());
    CutMedium measure(running.content());
    ASSERT_TRUE(Journal::open(measure));
    for (std::size_t cut = 0; cut <= measure.used; cut += cut < 300 || cut + 300 > measure.used ? 1 : 997) {
      CutMedium dying(running.content());
      dying.budget = cut;
      ASSERT_TRUE(Journal::open(dying));
      ASSERT_EQ(recovered(dying.content()), expected) << operation.key << " cut at " << cut;
    }
    memory = probe.content();
  }
}

TEST(JournalCut, WhatACutLeavesBehindNeverComesBackAsARecord) {
  // The torn record's content holds images of whole records at every offset; later puts move the tail over them.
  CutMedium image_source(std::vector<std::uint8_t>(kMinMediumBytes, 0));
  Result<Journal> image_journal = Journal::open(image_source);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(image_journal->put("forged", bytes("content " + std::to_string(i))));
  const auto& source = image_source.content();
  const auto key = std::ranges::search(source, bytes("forgedcontent 49")).begin();
  const std::string image(key - 40, key + 16);  // head, key, content; the sequence is later than any below
  std::string content = "pad:";                 // records begin at multiples of 8, this content at 44
  while (content.size() < 3000) content += image;

  for (std::size_t shift = 0; shift < 128; shift += 8) {
    CutMedium medium(std::vector<std::uint8_t>(kMinMediumBytes, 0));
    Result<Journal> journal = Journal::open(medium);
    medium.budget = 2900;
    ASSERT_TRUE(journal->put("torn", bytes(content)));
    CutMedium next(medium.content());
    Result<Journal> again = Journal::open(next);
    ASSERT_TRUE(again->put("small", bytes(std::string(shift, 's') + "x")));
    const Calls found = recovered(next.content());
    EXPECT_EQ(found.size(), 1U) << shift;
    EXPECT_TRUE(found.contains("small"));
  }
}

TEST(JournalCut, ACompactionThatWasCutLeavesNothingToTheNextOne) {
  CutMedium medium(std::vector<std::uint8_t>(kMinMediumBytes, 0));
  Result<Journal> journal = Journal::open(medium);
  const std::vector<std::string> others = {"b", "c", "d", "e", "f"};
  ASSERT_TRUE(journal->put("a", bytes(std::string(50, 'a'))));
  for (const std::string& key : others) ASSERT_TRUE(journal->put(key, bytes(std::string(50, 'x'))));
  const auto fill = [](Journal& filling, const CutMedium& in, std::size_t stop) {
    for (int i = 0; in.used < stop && filling.counters().compactions == 0; ++i) {
      ASSERT_TRUE(filling.put("w", bytes(std::string(50, static_cast<char>('0' + i % 10)))));
    }
  };
  CutMedium probe(medium.content());  // how many stores there are before the compaction
  Result<Journal> probing = Journal::open(probe);
  std::size_t before = 0;
  for (int i = 0; probing->counters().compactions == 0; ++i) {
    before = probe.used;
    ASSERT_TRUE(probing->put("w", bytes(std::string(50, static_cast<char>('0' + i % 10)))));
  }
  CutMedium dying(medium.content());
  Result<Journal> last = Journal::open(dying);
  fill(*last, dying, before);
  dying.budget = 600;  // six of the seven live records are in the other half, nothing says so yet
  ASSERT_TRUE(
      last->put("w", bytes("the put that compacts, with its process killed on the way" + std::string(50, '!'))));

  CutMedium next(dying.content());
  Result<Journal> again = Journal::open(next);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 7U);
  for (const std::string& key : others) again->erase(key);
  fill(*again, next, ~std::size_t{0});
  EXPECT_EQ(again->counters().compactions, 1U);
  EXPECT_EQ(recovered(next.content()), calls_in(*again));
}

TEST(JournalCut, AKilledProcessLosesNothingItWasToldIsThere) {
  const int fd = ::memfd_create("journal-kill", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 1 << 20), 0);
  auto* acknowledged = static_cast<std::atomic<std::uint64_t>*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  constexpr std::uint64_t kCalls = 50;
  std::uint64_t round_start = 0;
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      Result<MappedMedium> medium = MappedMedium::map(fd);
      Result<Journal> journal = Journal::open(*medium);
      if (!journal) ::_exit(1);
      for (std::uint64_t i = acknowledged->load() + 1;; ++i) {
        const std::string value = std::to_string(i) + std::string(i * 37 % 900, 'v');
        if (!journal->put("call-" + std::to_string(i % kCalls), bytes(value))) ::_exit(2);
        acknowledged->store(i);
      }
    }
    // No sleeping: the child decides when, by how far it has come.
    const std::uint64_t until = round_start + 500 + static_cast<std::uint64_t>(round) * 61;
    while (acknowledged->load() < until && ::waitpid(child, nullptr, WNOHANG) == 0) {
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));

    Result<MappedMedium> medium = MappedMedium::map(fd);
    Result<Journal> journal = Journal::open(*medium);
    ASSERT_TRUE(journal);
    ASSERT_EQ(journal->counters().damaged, 0U);
    const std::uint64_t last = acknowledged->load();
    const Calls calls = calls_in(*journal);
    ASSERT_EQ(calls.size(), kCalls);
    for (std::uint64_t i = last - kCalls + 2; i <= last; ++i) {  // the one in the making may have replaced the oldest
      const std::string& value = calls.at("call-" + std::to_string(i % kCalls));
      EXPECT_TRUE(value.starts_with(std::to_string(i))) << value.substr(0, 12) << " for " << i;
    }
    round_start = last;
  }
  ::munmap(acknowledged, 4096);
  ::close(fd);
}

}  // namespace
}  // namespace isthmus::journal
