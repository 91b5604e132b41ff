#include "controlplane/sdp/candidate.h"

#include <gmock/gmock.h>

#include "controlplane/sdp/limits.h"
#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace isthmus::sdp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

TEST(Candidate, ReadsEveryForm) {
  struct Row {
    const char* text;
    Candidate expected;
  };
  const Row rows[] = {
      {"1 1 UDP 2130706431 10.30.4.21 21350 typ host ",  // the blank at the end is Microsoft's
       {"1", 1, CandidateTransport::kUdp, 2130706431, at("10.30.4.21:21350"), CandidateType::kHost, {}}},
      {"3 2 udp 184547838 192.0.2.40 53871 typ relay raddr 10.30.4.21 rport 21353 ",
       {"3", 2, CandidateTransport::kUdp, 184547838, at("192.0.2.40:53871"), CandidateType::kRelayed,
        at("10.30.4.21:21353")}},
      {"5 1 TCP-ACT 1684797439 10.30.4.21 21366 typ srflx raddr 10.30.4.21 rport 21366",
       {"5", 1, CandidateTransport::kTcpActive, 1684797439, at("10.30.4.21:21366"), CandidateType::kServerReflexive,
        at("10.30.4.21:21366")}},
      {"2 1 tcp-pass 174456319 192.0.2.40 55012 typ prflx",
       {"2", 1, CandidateTransport::kTcpPassive, 174456319, at("192.0.2.40:55012"), CandidateType::kPeerReflexive, {}}},
      {"842163049 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0",  // RFC 6544
       {"842163049", 1, CandidateTransport::kTcpActive, 1518280447, at("192.0.2.7:9"), CandidateType::kHost, {}}},
      {"4 1 UDP 33562367 2001:db8::7 21354 typ host",
       {"4", 1, CandidateTransport::kUdp, 33562367, at("[2001:db8::7]:21354"), CandidateType::kHost, {}}},
      // A hidden related address costs only itself.
      {"6 1 UDP 1 192.0.2.1 7 typ srflx raddr x.local rport 9",
       {"6", 1, CandidateTransport::kUdp, 1, at("192.0.2.1:7"), CandidateType::kServerReflexive, {}}},
  };
  for (const Row& row : rows) {
    const auto candidate = parse_candidate(row.text);
    ASSERT_TRUE(candidate.has_value()) << row.text;
    EXPECT_EQ(*candidate, row.expected) << row.text;
    for (const Dialect dialect : {Dialect::kStandards, Dialect::kMicrosoft}) {
      const std::string written = candidate_attribute(*candidate, dialect);
      EXPECT_EQ(parse_candidate(written.substr(written.find(':') + 1)), candidate) << written;
    }
  }
}

TEST(Candidate, LeavesOutWhatNobodyCanUse) {
  const char* const bad[] = {
      "",
      "1 1 UDP 1 192.0.2.1 4000",
      "1 1 UDP 1 192.0.2.1 4000 typ",
      "1 1 UDP 1 192.0.2.1 4000 typ teredo",
      "1 0 UDP 1 192.0.2.1 4000 typ host",
      "1 257 UDP 1 192.0.2.1 4000 typ host",
      "1 1 SCTP 1 192.0.2.1 4000 typ host",
      "1 1 TCP 1 192.0.2.1 4000 typ host",  // active or passive, nobody said
      "1 1 UDP 4294967296 192.0.2.1 4000 typ host",
      "1 1 UDP -1 192.0.2.1 4000 typ host",
      "1 1 UDP 1 client.local 4000 typ host",
      "1 1 UDP 1 [2001:db8::1] 4000 typ host",
      "1 1 UDP 1 192.0.2.1 65536 typ host",
      "a-b 1 UDP 1 192.0.2.1 4000 typ host",
      "123456789012345678901234567890123 1 UDP 1 192.0.2.1 4000 typ host",  // 33
  };
  for (const char* text : bad) EXPECT_FALSE(parse_candidate(text).has_value()) << text;
  EXPECT_TRUE(parse_candidate("12345678901234567890123456789012 256 UDP 4294967295 192.0.2.1 65535 typ host"));
}

TEST(Candidate, TheOlderGrammarIsToldApart) {
  EXPECT_TRUE(
      is_legacy_candidate("a5u9+sd+DIeU8liBul2p5xdERWcd3akoz4O7GjRoaMY 1 2qt+ShleuncUTXJgeTnPcQ UDP 0.830 "
                          "10.77.9.1 34324 "));
  EXPECT_FALSE(is_legacy_candidate("1 1 UDP 2130706431 10.30.4.21 21350 typ host"));
  EXPECT_FALSE(is_legacy_candidate("1 1 UDP 2130706431 10.30.4.21 21350"));
}

TEST(Candidate, DialectsSpellTcpAndIpv6EachInItsWay) {
  const auto tcp = *parse_candidate("1 1 TCP-ACT 7 192.0.2.1 9 typ host");
  EXPECT_EQ(candidate_attribute(tcp, Dialect::kMicrosoft), "candidate:1 1 TCP-ACT 7 192.0.2.1 9 typ host");
  EXPECT_EQ(candidate_attribute(tcp, Dialect::kStandards), "candidate:1 1 TCP 7 192.0.2.1 9 typ host tcptype active");
  const auto v6 = *parse_candidate("1 1 UDP 7 2001:db8::7 9 typ host");
  EXPECT_EQ(candidate_attribute(v6, Dialect::kMicrosoft), "x-candidate-ipv6:1 1 UDP 7 2001:db8::7 9 typ host");
  EXPECT_EQ(candidate_attribute(v6, Dialect::kStandards), "candidate:1 1 UDP 7 2001:db8::7 9 typ host");
}

TEST(Candidate, RemoteCandidatesHoldUpToTheirBound) {
  const auto two = parse_remote_candidates("1 10.20.9.5 56010 2 10.20.9.5 56011 ");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(*two, (std::vector<RemoteCandidate>{{1, at("10.20.9.5:56010")}, {2, at("10.20.9.5:56011")}}));
  EXPECT_EQ(remote_candidates_value(*two), "1 10.20.9.5 56010 2 10.20.9.5 56011");
  for (const char* bad : {"", "1", "1 10.20.9.5", "1 10.20.9.5 x", "0 10.20.9.5 1", "1 10.20.9.5 1 2 10.20.9.5"}) {
    EXPECT_FALSE(parse_remote_candidates(bad).has_value()) << bad;
  }
  std::string text;
  for (std::size_t i = 0; i < kMaxRemoteCandidates; ++i) text += "1 192.0.2.1 9 ";
  EXPECT_TRUE(parse_remote_candidates(text).has_value());
  EXPECT_FALSE(parse_remote_candidates(text + "1 192.0.2.1 9").has_value());
}

std::string section(const std::string& lines) {
  return "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n" + lines;
}

TEST(Candidate, IceOfASectionIsReadAndItsPasswordKeptFromLogs) {
  RepairCounts repairs;
  const auto d = parse(section("a=ice-ufrag: j2zB\r\na=ice-pwd:NgnfxSz25/jc3ckWNDDhhTGL \r\n"
                               "a=candidate:1 1 UDP 7 192.0.2.1 4000 typ host \r\n"
                               "a=x-candidate-ipv6:2 1 UDP 7 2001:db8::7 4000 typ host\r\n"
                               "a=x-candidate-ipv6:2 1 UDP 7 192.0.2.1 4000 typ host\r\n"
                               "a=candidate:userV6 1 passwordV6 UDP 0.830 192.0.2.1 4000\r\n"
                               "a=remote-candidates:1 10.20.9.5 56010 2 10.20.9.5 56011 \r\n"
                               "a=encryption:required\r\na=x-source:main-audio\r\n"),
                       &repairs);
  ASSERT_TRUE(d.has_value());
  const MediaSection& audio = d->media[0];
  EXPECT_TRUE(audio.has_ice());
  EXPECT_EQ(audio.ice_ufrag, "j2zB");
  EXPECT_EQ(audio.ice_pwd.size(), 24U);
  EXPECT_EQ(audio.candidates.size(), 2U);
  EXPECT_EQ(audio.legacy_candidates.size(), 1U);
  EXPECT_EQ(audio.remote_candidates.size(), 2U);
  EXPECT_EQ(audio.encryption, EncryptionWish::kRequired);
  EXPECT_EQ(audio.source, "main-audio");
  EXPECT_EQ(repairs[Repair::kUnusableCandidate], 1U);
  EXPECT_EQ(repairs[Repair::kLegacyCandidate], 1U);
  const std::string log = to_log(*d);
  EXPECT_THAT(log, Not(HasSubstr("NgnfxSz25")));
  EXPECT_THAT(log, Not(HasSubstr("passwordV6")));
  EXPECT_THAT(log, Not(HasSubstr("userV6")));
  EXPECT_THAT(serialise(*d, Dialect::kMicrosoft), HasSubstr("a=ice-pwd:NgnfxSz25/jc3ckWNDDhhTGL\r\n"));
}

TEST(Candidate, SessionIceHoldsForSectionsWithoutTheirOwn) {
  const auto d = parse(
      "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 "
      "0\r\na=ice-ufrag:sess\r\na=ice-pwd:sessionpw\r\n"
      "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 34\r\na=ice-ufrag:ownu\r\na=ice-pwd:ownpassword\r\n");
  ASSERT_TRUE(d.has_value());
  EXPECT_EQ(d->media[0].ice_ufrag, "sess");
  EXPECT_EQ(d->media[0].ice_pwd.size(), 9U);
  EXPECT_EQ(d->media[1].ice_ufrag, "ownu");
  EXPECT_TRUE(d->attributes.empty());
  EXPECT_THAT(to_log(*d), Not(HasSubstr("sessionpw")));
}

TEST(Candidate, IceTextHoldsUpToItsBound) {
  RepairCounts repairs;
  const auto length_of = [&](std::size_t n) {
    const auto d = parse(section("a=ice-pwd:" + std::string(n, 'p') + "\r\n"), &repairs);
    return d ? d->media[0].ice_pwd.size() : std::size_t{9999};
  };
  EXPECT_EQ(length_of(kMaxIceTextBytes), kMaxIceTextBytes);
  EXPECT_EQ(repairs.total(), 0U);
  EXPECT_EQ(length_of(kMaxIceTextBytes + 1), 0U);
  EXPECT_EQ(repairs[Repair::kDamagedAttribute], 1U);
}

}  // namespace
}  // namespace isthmus::sdp
