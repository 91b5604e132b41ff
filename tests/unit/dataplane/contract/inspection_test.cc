#include "dataplane/contract/inspection.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace isthmus::contract {
namespace {

template <typename T>
T there_and_back(const T& message) {
  const Result<SecretBytes> datagram = encode({kVersion, 42, message});
  EXPECT_TRUE(datagram);
  const Result<Envelope> back = decode(datagram->view());
  EXPECT_TRUE(back);
  return std::get<T>(back->message);
}

std::string field_of(const Message& message, std::uint16_t version = kVersion) {
  const Result<SecretBytes> datagram = encode({version, 1, message});
  return datagram ? std::string() : datagram.error().field;
}

TEST(Inspection, StagesComeBackFieldByField) {
  EXPECT_EQ(there_and_back(sample_stages()), sample_stages());
  for (const std::optional<bool> measure : {std::optional<bool>(), std::optional(false), std::optional(true)}) {
    EXPECT_EQ(there_and_back(StagesRequest{measure}).measure, measure);
  }
}

TEST(Inspection, OlderPeersAreNotAsked) {
  for (const Message& message : {Message(StagesRequest{}), Message(sample_stages())}) {
    EXPECT_EQ(field_of(message, 1), "version");
    EXPECT_EQ(field_of(message, 2), "version");
    EXPECT_EQ(field_of(message, 3), "");
  }
}

TEST(Inspection, StagesAtAndPastTheirBounds) {
  StageFigures figures;
  const StageUse largest{std::string(kMaxStageNameBytes, 's'), ~0ULL, ~0ULL, ~0ULL};
  for (std::uint32_t worker = 0; worker < kMaxWorkers; ++worker) {
    figures.workers.push_back({~worker, std::vector<StageUse>(kMaxStages, largest)});
  }
  figures.cycles_per_second = ~0ULL;
  EXPECT_EQ(there_and_back(figures), figures);

  StageFigures past = figures;
  past.workers.push_back({});
  EXPECT_EQ(field_of(past), "workers");
  past = figures;
  past.workers[3].stages.push_back(largest);
  EXPECT_EQ(field_of(past), "workers.stages");
  for (const std::string& name : {std::string(), std::string("two words"), std::string(kMaxStageNameBytes + 1, 's')}) {
    past = figures;
    past.workers[3].stages[2].name = name;
    EXPECT_EQ(field_of(past), "workers.stages.name") << name;
  }
}

}  // namespace
}  // namespace isthmus::contract
