// What the journal keeps of a call's media: after a restart the next description and what the data plane is told are
// the same, and nothing is drawn anew.

#include <fstream>
#include <iterator>

#include "controlplane/b2bua/journal_record.h"
#include "controlplane/journal/journal.h"
#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::b2bua {
namespace {

using media::Side;
using namespace media::testing;

Call recovered(const media::CallMedia& media, std::size_t* bytes = nullptr) {
  b2bua::Call call;
  call.state = State::kUp;
  call.record.id = 9;
  call.media = media;
  const std::array<std::optional<sip::Target>, 2> link;
  ArchiveWriter writer(journal::kMaxContentBytes);
  EXPECT_TRUE(encode_record({call, link}, writer));
  if (bytes != nullptr) *bytes = writer.view().size();
  auto back = decode_record(writer.view(), config::ControlPlane{});
  EXPECT_TRUE(back.has_value());
  // The settings are the configuration's.
  for (std::size_t i = 0; i < 2; ++i) back->call.media.leg[i].settings = media.leg[i].settings;
  return std::move(back->call);
}

media::CallMedia microsoft_call() {
  media::testing::Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  call.answer(Side::kB, lync_answer(asked, "a=x-ssrc-range:1-100\r\n"));
  const auto far = [](const char* text) { return *SocketAddress::parse(text); };
  call.media = with_nominated(std::move(call.media), Side::kB, 0, far("10.30.4.21:21350"), far("10.30.4.21:21351"));
  return call.media;
}

TEST(JournalMedia, AMicrosoftCallGoesOnAsItWas) {
  const media::CallMedia before = microsoft_call();
  const media::CallMedia after = recovered(before).media;
  EXPECT_EQ(session_spec(after, contract::SessionId{1}, 3), session_spec(before, contract::SessionId{1}, 3));
  ASSERT_EQ(after.streams, before.streams);
  EXPECT_EQ(after.leg[1].ice_tie_breaker, before.leg[1].ice_tie_breaker);
  EXPECT_EQ(after.leg[1].ice_controlling, before.leg[1].ice_controlling);
  EXPECT_EQ(after.leg[1].written, before.leg[1].written);
  for (const Side side : {Side::kA, Side::kB}) {
    SeededRandom one(4);
    SeededRandom other(4);
    const auto expected = take(make_full_offer(before, side, one));
    const auto offered = take(make_full_offer(after, side, other));
    EXPECT_EQ(sdp::serialise(offered.description), sdp::serialise(expected.description));
    EXPECT_EQ(one.next_u64(), other.next_u64());
  }
}

/// Bytes of a record of `media` of an answered call.
std::vector<std::uint8_t> record_of(const media::CallMedia& media) {
  b2bua::Call call;
  call.state = State::kUp;
  call.record.id = 9;
  call.media = media;
  const std::array<std::optional<sip::Target>, 2> link;
  ArchiveWriter writer(journal::kMaxContentBytes);
  EXPECT_TRUE(encode_record({call, link}, writer));
  return {writer.view().begin(), writer.view().end()};
}

TEST(JournalMedia, ALegStaysUndecided) {
  media::CallMedia before = microsoft_call();
  before.streams[1].leg[1].undecided = true;
  const media::CallMedia after = recovered(before).media;
  EXPECT_TRUE(after.streams[1].leg[1].undecided);
  EXPECT_EQ(after.streams, before.streams);
}

std::vector<std::uint8_t> seed(const std::string& name) {
  std::ifstream file(ISTHMUS_TEST_DATA "/corpus/call_record/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As processes of both versions have written them; the fuzzer begins with them too.
TEST(JournalMedia, RecordsOfThisVersionAndTheOneBeforeAreRead) {
  for (const std::uint8_t version : {std::uint8_t{5}, std::uint8_t{6}}) {
    const std::string suffix = version == 5 ? "_version_5" : "";
    for (const std::string name : {"video", "microsoft"}) {
      const std::vector<std::uint8_t> bytes = seed(name + suffix);
      ASSERT_FALSE(bytes.empty());
      EXPECT_EQ(bytes[0], version);
      const auto back = decode_record(bytes, config::ControlPlane{});
      ASSERT_TRUE(back) << name << suffix << ": " << to_string(back.error());
      EXPECT_EQ(back->call.media.streams.size(), 2U);
      EXPECT_FALSE(back->call.follow_up.is_due());
    }
  }
}

TEST(JournalMedia, OtherVersionsAreNot) {
  std::vector<std::uint8_t> bytes = record_of(microsoft_call());
  ASSERT_EQ(bytes[0], kRecordVersion);
  for (const std::uint32_t version : {kOldestRecordVersion - 1, kRecordVersion + 1}) {
    bytes[0] = static_cast<std::uint8_t>(version);
    EXPECT_EQ(decode_record(bytes, config::ControlPlane{}).error().field, "version");
  }
  bytes[0] = static_cast<std::uint8_t>(kOldestRecordVersion);
  EXPECT_EQ(decode_record(bytes, config::ControlPlane{}).error().field, "record") << "more than that version has";
}

TEST(JournalMedia, WhatIsStillToBeOfferedIsKept) {
  Call call;
  call.state = State::kUp;
  call.record.id = 9;
  const auto kept = [&call] {
    const std::array<std::optional<sip::Target>, 2> link;
    ArchiveWriter writer(journal::kMaxContentBytes);
    EXPECT_TRUE(encode_record({call, link}, writer));
    const auto back = decode_record(writer.view(), config::ControlPlane{});
    EXPECT_TRUE(back);
    const FollowUp& due = back->call.follow_up;
    return std::vector<bool>{due.media[0], due.media[1], due.pairs[0], due.pairs[1]};
  };
  EXPECT_EQ(kept(), (std::vector<bool>{false, false, false, false}));
  call.follow_up = {{true, false}, {false, true}};
  EXPECT_EQ(kept(), (std::vector<bool>{true, false, false, true}));
  // An offer without its outcome.
  call.follow_up = {};
  call.exchange = Exchange{};
  EXPECT_EQ(kept(), (std::vector<bool>{false, false, false, false})) << "not sent yet";
  call.exchange->phase = Exchange::Phase::kOffered;
  EXPECT_EQ(kept(), (std::vector<bool>{false, true, false, false})) << "the old media, in case that it took the new";
  call.exchange->kind = Exchange::Kind::kOwn;
  EXPECT_EQ(kept(), (std::vector<bool>{false, true, false, false}));
  call.exchange->from = Side::kB;
  call.exchange->tells_pairs = true;
  EXPECT_EQ(kept(), (std::vector<bool>{false, false, true, false}));
}

TEST(JournalMedia, TheLongestCandidateListsFit) {
  media::testing::Call call(microsoft_leg(), clear_leg());
  std::string candidates;
  for (std::size_t i = 2; i < sdp::kMaxCandidates; ++i) {
    candidates += "a=candidate:12345678901234567890123456789012 1 UDP 4294967295 192.0.2." + std::to_string(i) +
                  " 65535 typ relay raddr 192.0.2.9 rport 65535\r\n";
  }
  const std::string lines = microsoft_crypto(1);
  const auto asked = call.offer(
      Side::kA, lync_head() + lync_audio("RTP/SAVP", lines, candidates) + lync_video("RTP/SAVP", lines, candidates));
  call.answer(Side::kB, room_answer(asked));
  ASSERT_EQ(call.media.streams[1].leg[0].ice->remote_candidates.size(), sdp::kMaxCandidates);
  EXPECT_EQ(recovered(call.media).media.streams, call.media.streams);
}

}  // namespace
}  // namespace isthmus::b2bua
