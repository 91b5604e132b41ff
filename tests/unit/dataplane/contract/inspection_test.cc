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

TEST(Inspection, TracesComeBackFieldByField) {
  EXPECT_EQ(there_and_back(sample_trace()), sample_trace());
  for (const std::optional<Side> side : {std::optional<Side>(), std::optional(Side::kA), std::optional(Side::kB)}) {
    const TraceSpec spec{{7}, 3, side, 10, 20};
    EXPECT_EQ(there_and_back(TraceStartRequest{spec}).spec, spec);
  }
  EXPECT_EQ(there_and_back(TraceReadRequest{{7}, ~0ULL}).from, ~0ULL);
}

TEST(Inspection, TracesAreOfVersion3) {
  for (const Message& message : {Message(TraceStartRequest{{{7}, 0, {}, 1, 1}}), Message(TraceReadRequest{{7}, 0}),
                                 Message(TraceStopRequest{{7}}), Message(sample_trace())}) {
    EXPECT_EQ(field_of(message, 2), "version");
    EXPECT_EQ(field_of(message, 3), "");
  }
}

TEST(Inspection, KeyLifetimeLowIsOfVersion3AndComesBackFieldByField) {
  const KeyLifetimeLowEvent event{{7}, 2, Side::kB, KeyDirection::kSend, ~0ULL};
  EXPECT_EQ(field_of(event, 2), "version");
  const KeyLifetimeLowEvent back = there_and_back(event);
  EXPECT_EQ(back.stream, 2);
  EXPECT_EQ(back.side, Side::kB);
  EXPECT_EQ(back.direction, KeyDirection::kSend);
  EXPECT_EQ(back.packets_left, ~0ULL);
}

TEST(Inspection, TraceSpecsAtAndPastTheirBounds) {
  const auto field = [](const TraceSpec& spec) { return field_of(TraceStartRequest{spec}); };
  EXPECT_EQ(field({{1}, kMaxStreams - 1, Side::kB, kMaxTracePackets, kMaxTraceMs}), "");
  EXPECT_EQ(field({{0}, 0, {}, 1, 1}), "session");
  EXPECT_EQ(field({{1}, kMaxStreams, {}, 1, 1}), "stream");
  EXPECT_EQ(field({{1}, 0, static_cast<Side>(2), 1, 1}), "side");
  EXPECT_EQ(field({{1}, 0, {}, 0, 1}), "max_packets");
  EXPECT_EQ(field({{1}, 0, {}, kMaxTracePackets + 1, 1}), "max_packets");
  EXPECT_EQ(field({{1}, 0, {}, 1, 0}), "max_ms");
  EXPECT_EQ(field({{1}, 0, {}, 1, kMaxTraceMs + 1}), "max_ms");
}

TEST(Inspection, TracePagesAtAndPastTheirBounds) {
  TracePage full = sample_trace();
  full.stages.assign(kMaxStages, std::string(kMaxStageNameBytes, 's'));
  TraceRecord record = full.records[0];
  record.stage = kMaxStages - 1;
  record.drop_reason = std::string(kMaxDropNameBytes, 'd');
  record.stage_ns.assign(kMaxStages, ~0U);
  record.held_ns = ~0ULL;
  full.records.assign(kMaxPageTraceRecords, record);
  full.first = 0;
  full.next = kMaxPageTraceRecords;
  EXPECT_EQ(there_and_back(full), full);

  const auto changed = [&](auto change) {
    TracePage page = full;
    change(page);
    return field_of(page);
  };
  EXPECT_EQ(changed([](auto& p) { p.records.push_back(p.records[0]), ++p.next; }), "records");
  EXPECT_EQ(changed([](auto& p) { ++p.next; }), "next");
  EXPECT_EQ(changed([](auto& p) { p.first = p.next + 1; }), "next");
  EXPECT_EQ(changed([](auto& p) { p.stages.push_back("x"); }), "stages");
  EXPECT_EQ(changed([](auto& p) { p.stages[0] = ""; }), "stages");
  EXPECT_EQ(changed([](auto& p) { p.records[9].stage = kMaxStages; }), "records.stage");
  EXPECT_EQ(changed([](auto& p) { p.records[9].stage_ns.push_back(1); }), "records.stage_ns");
  EXPECT_EQ(changed([](auto& p) { p.records[9].drop_reason += "d"; }), "records.drop_reason");
  EXPECT_EQ(changed([](auto& p) { p.records[9].drop_reason = "two words"; }), "records.drop_reason");
  EXPECT_EQ(changed([](auto& p) { p.records[9].fate = TraceFate{}; }), "records.fate");
  EXPECT_EQ(changed([](auto& p) { p.records[9].kind = static_cast<TracedKind>(4); }), "records.kind");
  EXPECT_EQ(changed([](auto& p) { p.records[9].rule = static_cast<TraceRule>(3); }), "records.rule");
  EXPECT_EQ(changed([](auto& p) { p.records[9].side = static_cast<Side>(2); }), "records.side");
  EXPECT_EQ(changed([](auto& p) { p.records[9].closed = static_cast<CryptoOutcome>(4); }), "records.opened or closed");
  EXPECT_EQ(changed([](auto& p) { p.ended = static_cast<TraceEnd>(4); }), "ended");
  EXPECT_EQ(changed([](auto& p) { p.session = {}; }), "session");
}

}  // namespace
}  // namespace isthmus::contract
