// A journal under any sequence of puts, erases, damage to its memory and new starts: what is read was put under that
// key at some time, whole; without damage it is what was put last.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include "controlplane/journal/journal.h"

namespace {

using namespace isthmus;
using Content = std::vector<std::uint8_t>;

constexpr int kMostSteps = 256;
constexpr std::size_t kMostContentBytes = 9000;  // a few fill the memory

void require(bool holds) {
  if (!holds) std::abort();
}

struct Known {
  std::map<std::string, Content> last;
  std::map<std::string, std::set<Content>> ever;
  bool damaged = false;

  void check(const journal::Journal& journal) const {
    std::map<std::string, Content> now;
    journal.for_each([&now](std::string_view key, Bytes content) {
      now[std::string(key)] = Content(content.begin(), content.end());
    });
    require(now.size() == journal.size());
    if (!damaged) return require(now == last);
    for (const auto& [key, content] : now) {
      const auto found = ever.find(key);
      require(found != ever.end() && found->second.contains(content));
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  journal::MappedMedium medium = journal::MappedMedium::in_process(journal::kMinMediumBytes);
  auto journal = journal::Journal::open(medium);
  require(journal.has_value());
  Known known;
  for (int step = 0; step < kMostSteps && input.remaining_bytes() > 0; ++step) {
    const std::string key(1, static_cast<char>(input.ConsumeIntegralInRange<int>('a', 'f')));
    switch (input.ConsumeIntegralInRange<int>(0, 4)) {
      case 0:
      case 1: {
        const Content content(input.ConsumeIntegralInRange<std::size_t>(0, kMostContentBytes),
                              input.ConsumeIntegral<std::uint8_t>());
        if (!journal->put(key, content)) break;
        known.last[key] = content;
        known.ever[key].insert(content);
        break;
      }
      case 2:
        journal->erase(key);
        known.last.erase(key);
        break;
      case 3: {
        const auto at = input.ConsumeIntegralInRange<std::size_t>(0, journal::kMinMediumBytes - 1);
        const std::uint8_t value = input.ConsumeIntegral<std::uint8_t>();
        known.damaged = known.damaged || medium.view()[at] != value;
        medium.write(at, Bytes(&value, 1));
        [[fallthrough]];  // memory is damaged between two processes, not under one
      }
      default:
        journal = journal::Journal::open(medium);
        if (!journal) {
          require(known.damaged);
          journal = journal::Journal::format(medium);
          require(journal.has_value());
          known = {};
        }
    }
    known.check(*journal);
  }
  return 0;
}
