// kill -9 of either plane: calls go on, media are not touched, keys never meet their old index.

#include "controlplane/b2bua/journal_record.h"
#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

constexpr const char* kAnn = GatewayBench::kAnn;
constexpr const char* kBob = GatewayBench::kBob;

const std::string kCrypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

TEST(ControlPlaneKilled, MediaAreNotTouchedAndTheCallCanBeEnded) {
  for (const bool by_ann : {true, false}) {
    GatewayBench bench;
    bench.up();
    const auto before = bench.relay.sessions;
    const std::string tag = bench.our_tag();
    const sip::Message invite_b = bench.invite_b;
    bench.relay.opened.clear();
    bench.relay.updated.clear();
    bench.restart();
    ASSERT_EQ(bench.b2bua->calls(), 1U);
    EXPECT_EQ(bench.b2bua->counters().calls_recovered, 1U);
    EXPECT_TRUE(bench.relay.opened.empty());
    EXPECT_TRUE(bench.relay.updated.empty());
    EXPECT_EQ(bench.relay.sessions, before);

    bench.send(by_ann ? kAnn : kBob, by_ann ? bench.request("BYE", 2, "", "", tag) : bench.bobs_request("BYE", 2));
    EXPECT_EQ(bench.next_what(by_ann ? kAnn : kBob), "200");
    const sip::Message bye = bench.next(by_ann ? kBob : kAnn);
    ASSERT_EQ(GatewayBench::what(bye), "BYE");
    EXPECT_EQ(bye.call_id(), by_ann ? invite_b.call_id() : "ann-call");
    EXPECT_GT(bye.cseq().number, 1U);
    bench.send(by_ann ? kBob : kAnn, GatewayBench::response(bye, 200, "", "", by_ann ? "bob-tag" : "ann-tag"));
    EXPECT_EQ(bench.b2bua->calls(), 0U);
    EXPECT_TRUE(bench.relay.sessions.empty());
    EXPECT_EQ(bench.journal->size(), 0U);
  }
}

TEST(ControlPlaneKilled, HoldAndRefreshWorkAfterwards) {
  GatewayBench bench;
  bench.up();
  const std::string tag = bench.our_tag();
  bench.restart();
  // The same description: only a refresh.
  bench.send(kAnn, bench.request("INVITE", 2, audio_sdp("198.51.100.1", 4000), "", tag));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.send(kAnn, bench.request("ACK", 2, "", "", tag));
  EXPECT_EQ(bench.waiting(kBob), 0U);

  bench.send(kAnn, bench.request("INVITE", 3, audio_sdp("198.51.100.1", 4000, "sendonly", 2), "", tag));
  const sip::Message invite = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(invite), "INVITE");
  EXPECT_NE(invite.body().find("a=sendonly"), std::string::npos);
  bench.send(kBob, GatewayBench::response(invite, 200, audio_sdp("203.0.113.1", 5000, "recvonly", 2)));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  const sip::Message ok = bench.next(kAnn);
  EXPECT_EQ(GatewayBench::what(ok), "200");
  bench.send(kAnn, bench.request("ACK", 3, "", "", tag));
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

TEST(ControlPlaneKilled, UnansweredCallsAreClosedAndTheirPortsReclaimed) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, audio_sdp("198.51.100.1", 4000)));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 180));
  ASSERT_EQ(bench.relay.sessions.size(), 1U);
  bench.restart();
  bench.settle();
  EXPECT_EQ(bench.b2bua->calls(), 0U);
  EXPECT_TRUE(bench.relay.sessions.empty());
  EXPECT_EQ(bench.journal->size(), 0U);
  EXPECT_EQ(bench.b2bua->counters().calls_lost_on_recovery, 1U);
}

TEST(ControlPlaneKilled, AnsweredAndUnacknowledgedCallsAreUp) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, audio_sdp("198.51.100.1", 4000)));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 200, audio_sdp("203.0.113.1", 5000)));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.restart();
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

// Ann's INVITE has its answer from another fork (RFC 3262 5): what bob agreed to she is to hear after her ACK, which
// came to nobody.
TEST(ControlPlaneKilled, WhatThePeerIsStillToBeOfferedIsOffered) {
  const auto with_codec = [](const std::string& formats, int port) {
    std::string sdp = audio_sdp("203.0.113.1", port);
    return sdp.replace(sdp.find("0 8 101"), 7, formats);
  };
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, audio_sdp("198.51.100.1", 4000), "Supported: 100rel\r\n"));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 183, with_codec("0", 5000), "", "fork-1"));
  const sip::Message progress = bench.next(kAnn);
  ASSERT_EQ(GatewayBench::what(progress), "183");
  const std::string tag(progress.to_tag());
  const std::string sequence(progress.header("RSeq").value_or(""));
  ASSERT_NE(sequence, "");
  bench.send(kAnn, bench.request("PRACK", 2, "", "RAck: " + sequence + " 1 INVITE\r\n", tag));
  ASSERT_EQ(bench.next_what(kAnn), "200");
  bench.send(kBob, GatewayBench::response(invite, 200, with_codec("8", 6000), "", "fork-2"));
  ASSERT_EQ(bench.next_what(kBob), "ACK");
  ASSERT_EQ(bench.next_what(kAnn), "200");
  for (int kills = 1; kills <= 2; ++kills) {  // not heard: offered by the next one too
    bench.restart();
    const sip::Message offer = bench.next(kAnn);
    ASSERT_EQ(GatewayBench::what(offer), "INVITE") << kills;
    EXPECT_NE(offer.body().find("RTP/AVP 8\r\n"), std::string::npos) << offer.body();
    if (kills == 1) continue;
    std::string answer = audio_sdp("198.51.100.1", 4000, "sendrecv", 2);
    answer.replace(answer.find("0 8 101"), 7, "8");
    bench.send(kAnn, GatewayBench::response(offer, 200, answer, "", "ann-tag", "<sip:ann@198.51.100.1:5060>"));
    EXPECT_EQ(bench.next_what(kAnn), "ACK");
  }
  bench.restart();
  EXPECT_EQ(bench.waiting(kAnn), 0U) << "she has heard of it";
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

// Ann's hold was on its way: bob may have taken it, ann will hear nothing any more and goes on as before.
TEST(ControlPlaneKilled, AnOfferThatWasOnItsWayIsTakenBack) {
  GatewayBench bench;
  bench.up();
  const std::string tag = bench.our_tag();
  bench.send(kAnn, bench.request("INVITE", 2, audio_sdp("198.51.100.1", 4000, "sendonly", 2), "", tag));
  const sip::Message hold = bench.next(kBob);
  ASSERT_NE(hold.body().find("a=sendonly"), std::string::npos);
  bench.restart();
  const sip::Message back = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(back), "INVITE");
  EXPECT_NE(back.body().find("a=sendrecv"), std::string::npos);
  EXPECT_NE(back.body().substr(0, back.body().find("s=")), hold.body().substr(0, hold.body().find("s=")));
  // He did not come to the one before yet (RFC 3261 14.2).
  bench.send(kBob, GatewayBench::response(back, 500, "", "Retry-After: 5\r\n"));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  bench.advance(std::chrono::seconds(7));
  const sip::Message again = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(again), "INVITE");
  bench.network.sent.clear();  // copies of it
  bench.send(kBob, GatewayBench::response(again, 488));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  bench.restart();
  EXPECT_EQ(bench.waiting(kBob), 0U) << "he said no";
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

TEST(ControlPlaneKilled, SessionsNobodyKnowsAreClosedOverAllPages) {
  GatewayBench bench;
  bench.up();
  for (std::uint64_t id = 1; id <= 5; ++id) {
    bench.relay.sessions[id] = bench.relay.sessions.begin()->second;
    bench.relay.sessions[id].id.value = id;
  }
  bench.restart();
  bench.settle();
  EXPECT_EQ(bench.relay.sessions.size(), 1U);
  EXPECT_EQ(bench.b2bua->counters().sessions_reclaimed, 5U);
}

TEST(ControlPlaneKilled, BetweenAnUpdateAndItsRecordTheRecordHolds) {
  GatewayBench bench;
  bench.up();
  contract::SessionSpec& session = bench.relay.sessions.begin()->second;
  session.revision += 5;
  session.streams[0].leg[0].receive = false;
  const contract::Revision ahead = session.revision;
  bench.restart();
  EXPECT_EQ(bench.relay.sessions.begin()->second.revision, ahead + 1);
  EXPECT_TRUE(bench.relay.sessions.begin()->second.streams[0].leg[0].receive);
}

TEST(ControlPlaneKilled, DamagedRecordsAreSetAsideOneByOne) {
  GatewayBench bench;
  bench.up();
  const std::string junk = "junk";
  ASSERT_TRUE(bench.journal->put("0000000000000001", Bytes(reinterpret_cast<const std::uint8_t*>(junk.data()), 4)));
  bench.restart();
  EXPECT_EQ(bench.b2bua->calls(), 1U);
  EXPECT_EQ(bench.b2bua->counters().journal_unreadable, 1U);
  EXPECT_EQ(bench.journal->size(), 1U);
}

// ---- data plane ----

TEST(DataPlaneKilled, CallsAreProgrammedAgainOnTheirPorts) {
  GatewayBench bench;
  bench.up();
  const contract::SessionSpec before = bench.relay.sessions.begin()->second;
  bench.relay.restart();
  bench.settle();
  ASSERT_EQ(bench.relay.sessions.size(), 1U);
  const contract::SessionSpec& after = bench.relay.sessions.begin()->second;
  EXPECT_EQ(after.id, before.id);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.streams[0].leg[i].rtp_port, before.streams[0].leg[i].rtp_port);
    EXPECT_EQ(after.streams[0].leg[i].remote_rtp, before.streams[0].leg[i].remote_rtp);
  }
  EXPECT_EQ(bench.b2bua->counters().media_restored, 1U);
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

TEST(DataPlaneKilled, LegsGetFreshSsrcsSecuredOrClear) {
  auto configuration = GatewayBench::gateway_configuration();
  configuration.zones[0].media_encryption = config::MediaEncryption::kAuto;
  configuration.zones[0].keys_over_clear = true;
  GatewayBench bench(configuration);
  std::string offer = audio_sdp("198.51.100.1", 4000) + kCrypto;
  offer.replace(offer.find("RTP/AVP"), 7, "RTP/SAVP");
  bench.up(offer);
  ASSERT_EQ(bench.b2bua->views("", 1).at(0).streams[0].leg[0].encryption, "AES_CM_128_HMAC_SHA1_80");
  const auto leg_of = [&bench] { return bench.relay.sessions.begin()->second.streams[0].leg[0]; };
  const contract::LegSpec before = leg_of();
  ASSERT_TRUE(before.send_key);
  const auto clear_leg_of = [&bench] { return bench.relay.sessions.begin()->second.streams[0].leg[1]; };
  const contract::LegSpec clear_before = clear_leg_of();
  ASSERT_FALSE(clear_before.send_key);
  bench.relay.restart();
  bench.settle();
  EXPECT_NE(clear_leg_of().ssrc, clear_before.ssrc);
  EXPECT_EQ(leg_of().send_key, before.send_key);
  EXPECT_NE(leg_of().ssrc, before.ssrc);

  // Both planes at once.
  const contract::LegSpec again = leg_of();
  bench.relay.sessions.clear();
  bench.restart();
  bench.settle();
  EXPECT_EQ(bench.relay.sessions.size(), 1U);
  EXPECT_EQ(leg_of().send_key, before.send_key);
  EXPECT_NE(leg_of().ssrc, again.ssrc);
  EXPECT_NE(leg_of().ssrc, before.ssrc);
}

TEST(DataPlaneKilled, ReconnectionWithoutRestartTouchesNothing) {
  GatewayBench bench;
  bench.up();
  const auto before = bench.relay.sessions;
  bench.relay.connection(false, 1);
  EXPECT_FALSE(bench.b2bua->is_relay_connected());
  bench.relay.connection(true, 1);
  bench.settle();
  EXPECT_EQ(bench.relay.sessions, before);
}

TEST(DataPlaneKilled, NewCallsAre503WhileItIsAway) {
  GatewayBench bench;
  bench.relay.connected = false;
  bench.send(kAnn, bench.request("INVITE", 1, audio_sdp("198.51.100.1", 4000)));
  EXPECT_EQ(bench.next_what(kAnn), "503");
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

// ---- the record ----

TEST(JournalRecord, SurvivesWritingAndReading) {
  GatewayBench bench;
  bench.up(video_sdp("198.51.100.1", 4000), video_sdp("203.0.113.1", 5000));
  SecretBytes first;
  bench.journal->for_each([&](std::string_view, Bytes content) { first = SecretBytes(content); });
  ASSERT_FALSE(first.empty());
  auto record = decode_record(first.view(), bench.configuration);
  ASSERT_TRUE(record);
  ArchiveWriter writer(64U * 1024U);
  ASSERT_TRUE(encode_record({record->call, record->link}, writer));
  EXPECT_EQ(SecretBytes(writer.view()), first);
  ArchiveWriter small(first.size() - 1);
  EXPECT_FALSE(encode_record({record->call, record->link}, small));
  EXPECT_EQ(record->call.state, State::kAnswered);  // the ACK changes nothing that counts
  EXPECT_EQ(record->call.media.leg[0].settings.network, "rooms");
  EXPECT_EQ(record->call.media.streams.size(), 2U);
}

TEST(JournalRecord, EveryCutIsRefused) {
  GatewayBench bench;
  bench.up();
  SecretBytes whole;
  bench.journal->for_each([&](std::string_view, Bytes content) { whole = SecretBytes(content); });
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_record(whole.view().first(size), bench.configuration)) << size;
  }
  std::vector<std::uint8_t> longer(whole.view().begin(), whole.view().end());
  longer.push_back(0);
  EXPECT_FALSE(decode_record(longer, bench.configuration));
}

TEST(JournalRecord, AnyFlippedByteIsReadSafely) {
  GatewayBench bench;
  bench.up();
  SecretBytes whole;
  bench.journal->for_each([&](std::string_view, Bytes content) { whole = SecretBytes(content); });
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::vector<std::uint8_t> bytes(whole.view().begin(), whole.view().end());
    bytes[i] ^= 0xffU;
    (void)decode_record(bytes, bench.configuration);
  }
}

}  // namespace
}  // namespace isthmus::b2bua
