#include "dataplane/contract/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "dataplane/base/crc32c.h"
#include "samples.h"

namespace isthmus::contract {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets encoded(const Message& message, std::uint64_t request_id = 42) {
  const Result<SecretBytes> datagram = encode({kVersion, request_id, message});
  EXPECT_TRUE(datagram) << (datagram ? "" : to_string(datagram.error()));
  if (!datagram) return {};
  return {datagram->view().begin(), datagram->view().end()};
}

/// Puts the right check sum on a datagram that a test has changed.
void seal(Octets& datagram) {
  const Bytes all = datagram;
  store_be32(datagram.data() + 24, crc32c(all.subspan(28), crc32c(all.first(24))));
}

TEST(Codec, EveryKindComesBackAsItWas) {
  for (const Message& message : samples()) {
    const Octets datagram = encoded(message);
    const Result<Envelope> back = decode(datagram);
    ASSERT_TRUE(back) << message.index() << ": " << to_string(back.error());
    EXPECT_EQ(back->request_id, 42U);
    EXPECT_EQ(back->version, kVersion);
    EXPECT_EQ(back->message.index(), message.index());
    EXPECT_EQ(encoded(back->message), datagram) << message.index();  // nothing was lost on the way
  }
}

TEST(Codec, SpecComesBackFieldByField) {
  const SessionSpec spec = sample_spec();
  const Result<Envelope> back = decode(encoded(OpenRequest{spec}));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<OpenRequest>(back->message).spec, spec);
}

TEST(Codec, StatsComeBackFieldByField) {
  const Result<Envelope> back = decode(encoded(sample_stats()));
  ASSERT_TRUE(back);
  const LegStats& leg = std::get<SessionStats>(back->message).streams.at(0).leg[0];
  EXPECT_EQ(leg.packets_lost, -7);
  EXPECT_EQ(leg.peer_packets_lost, 9);
  EXPECT_DOUBLE_EQ(leg.round_trip_ms, 11.5);
  EXPECT_EQ(leg.payload_type, 96);
  EXPECT_EQ(leg.remote_rtp, v4(9, 4000));
  EXPECT_TRUE(leg.encrypted);
  EXPECT_EQ(std::get<SessionStats>(back->message).streams.at(0).leg[1].payload_type, 0xff);
}

TEST(Codec, KeyBytesStandInTheSecretPartOnly) {
  SessionSpec spec = sample_spec();
  spec.streams.resize(1);
  const Octets datagram = encoded(OpenRequest{spec});
  const std::size_t secret_bytes = 16 + 14 + 32 + 12 + 22 + 24 + 22;  // keys of A, its passwords, that of B
  const std::size_t secret_at = datagram.size() - secret_bytes;
  EXPECT_EQ(load_be32(datagram.data() + 20), secret_bytes);
  const Octets key(16, 10);
  const auto found = std::ranges::search(datagram, key).begin();
  EXPECT_EQ(static_cast<std::size_t>(found - datagram.begin()), secret_at);
  const Octets password(24, 'R');
  const auto second = std::ranges::search(datagram, password).begin();
  EXPECT_EQ(static_cast<std::size_t>(second - datagram.begin()), secret_at + 16 + 14 + 32 + 12 + 22);
}

TEST(Codec, EveryCutIsRefused) {
  const Octets whole = encoded(OpenRequest{sample_spec()});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode(Bytes(whole).first(size))) << size;
  }
}

TEST(Codec, EveryFlippedBitIsRefused) {
  const Octets whole = encoded(OpenRequest{sample_spec()});
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Octets changed = whole;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    const Result<Envelope> back = decode(changed);
    ASSERT_FALSE(back) << bit;
    EXPECT_EQ(back.error().kind, ErrorKind::kMalformedInput);
  }
}

TEST(Codec, SealedRubbishNeverPassesAsAMessageItIsNot) {
  // With a right check sum the fields themselves are all that stands between the bytes and the planes.
  const Octets whole = encoded(OpenRequest{sample_spec()});
  for (std::size_t at = 28; at < whole.size(); ++at) {
    Octets changed = whole;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0xffU);
    seal(changed);
    const Result<Envelope> back = decode(changed);
    if (back) {
      EXPECT_TRUE(validate(back->message)) << at;
    }
  }
}

TEST(Codec, UnknownKindIsAProtocolViolation) {
  Octets datagram = encoded(StatusRequest{});
  store_be16(datagram.data() + 6, 999);
  seal(datagram);
  EXPECT_EQ(decode(datagram).error().kind, ErrorKind::kProtocolViolation);
  EXPECT_EQ(decode(datagram).error().field, "kind");
  EXPECT_EQ(decode_header(datagram)->request_id, 42U);
}

TEST(Codec, VersionOutsideTheRangeIsAProtocolViolationExceptForTheFrozenKinds) {
  for (const std::uint16_t version : {std::uint16_t{0}, static_cast<std::uint16_t>(kVersion + 1)}) {
    Octets status = encoded(StatusRequest{});
    store_be16(status.data() + 4, version);
    seal(status);
    EXPECT_EQ(decode(status).error().field, "version");
    for (const Message& frozen : {Message(Hello{5, 6}), Message(Welcome{5, 1}), Message(Error{})}) {
      Octets datagram = encoded(frozen);
      store_be16(datagram.data() + 4, version);
      seal(datagram);
      EXPECT_TRUE(decode(datagram)) << version;
    }
  }
}

TEST(Codec, FieldsOfALaterVersionAreSkipped) {
  // A peer of version N+1 may add fields; field 200, varint 1.
  Octets datagram = encoded(CloseRequest{SessionId{7}});
  datagram.insert(datagram.end(), {0xc0, 0x0c, 0x01});
  store_be32(datagram.data() + 16, load_be32(datagram.data() + 16) + 3);
  seal(datagram);
  const Result<Envelope> back = decode(datagram);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(std::get<CloseRequest>(back->message).session, SessionId{7});
}

/// What a control plane of version 1 says: none of the fields of later versions.
SessionSpec spec_of_version_1() {
  SessionSpec spec = sample_spec();
  for (StreamSpec& stream : spec.streams) {
    for (LegSpec& leg : stream.leg) {
      leg.ice.reset();
      leg.video = {};
      leg.feedback = FeedbackDialect::kRfc4585;
      leg.peer_ssrcs = leg.own_ssrcs = {};
      leg.transport = LegTransport::kUdp;
      leg.dscp_rule = DscpRule::kSet;
      leg.dscp_map.clear();
    }
  }
  return spec;
}

TEST(Codec, FieldsThatAreAbsentMeanWhatVersion1Did) {
  const SessionSpec spec = spec_of_version_1();
  Octets datagram = encoded(OpenRequest{spec});
  // Version 1 did not know field 18 (feedback); its tag and value stand once a leg.
  for (std::size_t at = 28; at + 3 <= datagram.size(); ++at) {
    if (datagram[at] == 0x90 && datagram[at + 1] == 0x01 && datagram[at + 2] == 1) datagram[at + 2] = 0;
  }
  store_be16(datagram.data() + 4, 1);
  seal(datagram);
  const Result<Envelope> back = decode(datagram);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->version, 1);
  EXPECT_EQ(std::get<OpenRequest>(back->message).spec, spec);
}

TEST(Codec, WhatVersion1WouldMisreadDoesNotLeaveForIt) {
  const auto field = [](const Message& message) {
    const Result<SecretBytes> datagram = encode({1, 1, message});
    return datagram ? std::string() : datagram.error().field;
  };
  EXPECT_EQ(field(OpenRequest{spec_of_version_1()}), "");
  SessionSpec ice = spec_of_version_1();
  ice.streams[1].leg[1].ice = sample_ice(1);
  ice.streams[1].leg[1].ice->nominated = false;
  EXPECT_EQ(field(OpenRequest{ice}), "version");
  EXPECT_EQ(field(UpdateRequest{ice}), "version");
  SessionSpec adapted = spec_of_version_1();
  adapted.streams[1].leg[0].video.format = VideoFormat::kH264;
  EXPECT_EQ(field(OpenRequest{adapted}), "version");
  adapted.streams[1].leg[1].video.format = VideoFormat::kH264;
  EXPECT_EQ(field(OpenRequest{adapted}), "") << "equal formats are forwarded as before";
  const SessionId id{1};
  EXPECT_EQ(field(PictureRequest{id, 0, Side::kA}), "version");
  EXPECT_EQ(field(ConsentLostEvent{id, 0, Side::kA, Component::kRtp}), "version");
  EXPECT_EQ(field(PictureWantedEvent{id, 0, Side::kA}), "version");
}

TEST(Codec, MediaOverTcpDoesNotLeaveForWhoKnowsUdpAlone) {
  SessionSpec spec = sample_spec();
  EXPECT_EQ(version_needed(OpenRequest{spec}), 3);
  for (StreamSpec& stream : spec.streams) stream.leg[1].transport = LegTransport::kUdp;
  EXPECT_EQ(version_needed(OpenRequest{spec}), 2);
  const Result<SecretBytes> datagram = encode({2, 1, OpenRequest{sample_spec()}});
  ASSERT_FALSE(datagram);
  EXPECT_EQ(datagram.error().field, "version");
}

SessionSpec spec_undecided() {
  SessionSpec spec = sample_spec();
  for (StreamSpec& stream : spec.streams) {
    LegSpec& leg = stream.leg[1];
    leg.transport = LegTransport::kUdpOrTcp;
    leg.remote_rtp.reset();
    leg.remote_rtcp.reset();
    leg.source_rule = SourceRule::kSignalled;
  }
  return spec;
}

// Who does not know the field takes it for a leg over UDP, and says so in its answer.
TEST(Codec, UndecidedTransportIsOneOverUdpForWhoKnowsNoBetter) {
  const SessionSpec spec = spec_undecided();
  EXPECT_EQ(version_needed(OpenRequest{spec}), 2);
  Octets datagram = encoded(OpenRequest{spec});
  Result<Envelope> back = decode(datagram);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(std::get<OpenRequest>(back->message).spec, spec);
  std::size_t found = 0;
  for (std::size_t at = 28; at + 3 <= datagram.size(); ++at) {
    if (datagram[at] != 0xd8 || datagram[at + 1] != 0x02 || datagram[at + 2] != 1) continue;  // field 43, true
    datagram[at + 2] = 0;
    ++found;
  }
  EXPECT_EQ(found, spec.streams.size());
  seal(datagram);
  back = decode(datagram);
  ASSERT_TRUE(back) << to_string(back.error());
  for (const StreamSpec& stream : std::get<OpenRequest>(back->message).spec.streams) {
    EXPECT_EQ(stream.leg[1].transport, LegTransport::kUdp);
  }
}

TEST(Codec, TransportIsNotBothTcpAndUndecided) {
  SessionSpec spec = sample_spec();
  spec.streams.resize(1);
  ASSERT_EQ(spec.streams[0].leg[1].transport, LegTransport::kTcp);
  spec.streams[0].leg[1].dscp_rule = DscpRule::kCopy;
  Octets datagram = encoded(OpenRequest{spec});
  const Octets dscp_rule = {0xc0, 0x02, 0x01};  // field 40, made field 43 beside 42
  const auto at = std::ranges::search(datagram, dscp_rule).begin();
  ASSERT_NE(at, datagram.end());
  *at = 0xd8;
  seal(datagram);
  const Result<Envelope> back = decode(datagram);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().field, "transport");
}

TEST(Codec, PasswordsMustFillTheirPartOfTheSecrets) {
  SessionSpec spec = spec_of_version_1();
  spec.streams.resize(1);
  spec.streams[0].leg[0].ice = sample_ice(1);
  Octets datagram = encoded(OpenRequest{spec});
  // local_password_bytes (field 2, 22), then remote_ufrag (field 3).
  const Octets wanted = {0x10, 22, 0x1a};
  const auto at = std::ranges::search(datagram, wanted).begin();
  ASSERT_NE(at, datagram.end());
  at[1] = 23;  // takes one octet of the remote password; then one is missing at the end
  seal(datagram);
  EXPECT_EQ(decode(datagram).error().field, "remote_password");
}

TEST(Codec, SecretPartMustHoldTheKeysAndNothingElse) {
  SessionSpec spec = sample_spec();
  Octets more = encoded(OpenRequest{spec});
  more.push_back(0);
  store_be32(more.data() + 20, load_be32(more.data() + 20) + 1);
  seal(more);
  EXPECT_EQ(decode(more).error().field, "secret");

  Octets less = encoded(OpenRequest{spec});
  less.pop_back();
  store_be32(less.data() + 20, load_be32(less.data() + 20) - 1);
  seal(less);
  EXPECT_EQ(decode(less).error().kind, ErrorKind::kMalformedInput);

  Octets unasked = encoded(StatusRequest{});
  unasked.push_back(0);
  store_be32(unasked.data() + 20, 1);
  seal(unasked);
  EXPECT_EQ(decode(unasked).error().field, "secret");
}

TEST(Codec, LengthsThatOverflowAreRefused) {
  Octets datagram = encoded(StatusRequest{});
  store_be32(datagram.data() + 16, 0xffffffffU);
  store_be32(datagram.data() + 20, 1);
  seal(datagram);
  EXPECT_EQ(decode(datagram).error().field, "length");
}

TEST(Codec, ErrorTextsAreCutNotRefused) {
  const Result<Envelope> back =
      decode(encoded(Error{ErrorKind::kDenied, std::string(5000, 'x'), std::string(5000, 'y'), {}}));
  ASSERT_TRUE(back);
  EXPECT_EQ(std::get<Error>(back->message).message.size(), kMaxTextBytes);
  EXPECT_EQ(std::get<Error>(back->message).field.size(), kMaxTextBytes);
}

TEST(Codec, AMessageAtEveryBoundFits) {
  SessionSpec spec;
  spec.id = SessionId{~std::uint64_t{0}};
  spec.revision = ~Revision{0};
  for (std::size_t i = 0; i < kMaxStreams; ++i) {
    StreamSpec stream = sample_stream(MediaKind::kVideo, 30);
    stream.a_to_b.clear();
    for (std::size_t pt = 0; pt < kMaxPayloadMaps; ++pt) {
      stream.a_to_b.push_back({static_cast<std::uint8_t>(pt), 127, 1'000'000, 1'000'000});
    }
    stream.b_to_a = stream.a_to_b;
    for (LegSpec& leg : stream.leg) {
      leg.network = std::string(kMaxNetworkNameBytes, 'n');
      leg.cname = std::string(kMaxCnameBytes, 'c');
      leg.source_rule = SourceRule::kLatchAuthenticated;
      leg.receive_key = leg.send_key = sample_key(SrtpSuite::kAesCm256HmacSha1_80, 1);
      leg.receive_key->mki = Octets(kMaxMkiBytes, 1);
      leg.ice = sample_ice(1);
      leg.ice->local_ufrag = leg.ice->remote_ufrag = std::string(kMaxIceTextBytes, 'u');
      leg.ice->local_password = leg.ice->remote_password = sample_password(kMaxIceTextBytes, 'p');
      leg.video = {VideoFormat::kH264, 1, kMaxVideoPayloadBytes, 7, {}};
      leg.ssrc = 0;
    }
    spec.streams.push_back(stream);
  }
  for (std::size_t i = 0; i < kMaxSessionParameterSetBytes / (kMaxParameterSets * kMaxParameterSetBytes); ++i) {
    spec.streams[i].leg[0].video.parameter_sets.assign(kMaxParameterSets, Octets(kMaxParameterSetBytes, 0x67));
  }
  EXPECT_TRUE(decode(encoded(OpenRequest{spec})));

  SessionPage page;
  for (std::uint64_t i = 0; i < kMaxPageSessions; ++i)
    page.sessions.push_back({SessionId{~std::uint64_t{0} - 1000 + i}, 1});
  EXPECT_TRUE(decode(encoded(page)));

  DataplaneStatus status = sample_status();
  status.pools.assign(kMaxPools, status.pools.at(0));
  status.counters.assign(kMaxCounters, {std::string(kMaxTextBytes - 100, 'c'), ~std::uint64_t{0}});
  EXPECT_TRUE(decode(encoded(status)));

  EXPECT_TRUE(decode(
      encoded(PuntEvent{SessionId{1}, kMaxStreams - 1, Side::kB, Component::kRtp, v4(1, 1), Octets(kMaxPacketBytes)})));
}

struct BadSpec {
  const char* name;
  std::function<void(SessionSpec&)> spoil;
  const char* field;
};

class SpecBounds : public ::testing::TestWithParam<BadSpec> {};

TEST_P(SpecBounds, RefusedWithItsField) {
  SessionSpec spec = sample_spec();
  ASSERT_TRUE(validate(spec));
  GetParam().spoil(spec);
  const Status status = validate(spec);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(status.error().field, GetParam().field);
  EXPECT_FALSE(encode({kVersion, 1, OpenRequest{spec}}));  // it does not even leave
}

LegSpec& leg_a(SessionSpec& spec) { return spec.streams.at(0).leg[0]; }
LegSpec& leg_b(SessionSpec& spec) { return spec.streams.at(0).leg[1]; }

INSTANTIATE_TEST_SUITE_P(
    Fields, SpecBounds,
    ::testing::Values(
        BadSpec{"IdZero", [](auto& s) { s.id = {}; }, "id"},
        BadSpec{"RevisionZero", [](auto& s) { s.revision = 0; }, "revision"},
        BadSpec{"TimeoutOverADay", [](auto& s) { s.media_timeout_ms = 86'400'001; }, "media_timeout_ms"},
        BadSpec{"NoStream", [](auto& s) { s.streams.clear(); }, "streams"},
        BadSpec{"TooManyStreams", [](auto& s) { s.streams.assign(kMaxStreams + 1, s.streams[0]); }, "streams"},
        BadSpec{"Kind", [](auto& s) { s.streams[0].kind = static_cast<MediaKind>(3); }, "streams[0].kind"},
        BadSpec{"NoNetwork", [](auto& s) { leg_a(s).network.clear(); }, "streams[0].leg[a].network"},
        BadSpec{"LongNetwork", [](auto& s) { leg_a(s).network = std::string(kMaxNetworkNameBytes + 1, 'n'); },
                "streams[0].leg[a].network"},
        BadSpec{"NetworkWithNewline", [](auto& s) { leg_b(s).network = "a\nb"; }, "streams[0].leg[b].network"},
        BadSpec{"Family", [](auto& s) { leg_a(s).family = static_cast<IpFamily>(5); }, "streams[0].leg[a].family"},
        BadSpec{"RtcpPortAlone", [](auto& s) { leg_a(s).rtp_port = 0; }, "streams[0].leg[a].rtcp_port"},
        BadSpec{"RemoteOfOtherFamily", [](auto& s) { leg_a(s).remote_rtp = v6(1, 1); }, "streams[0].leg[a].remote_rtp"},
        BadSpec{"RemotePortZero", [](auto& s) { leg_a(s).remote_rtp = v4(1, 0); }, "streams[0].leg[a].remote_rtp"},
        BadSpec{"RemoteNotCanonical", [](auto& s) { leg_a(s).remote_rtp->ip.bytes[9] = 1; },
                "streams[0].leg[a].remote_rtp"},
        BadSpec{"MuxWithTwoRemotes", [](auto& s) { leg_b(s).remote_rtcp = v6(1, 9); }, "streams[0].leg[b].remote_rtcp"},
        BadSpec{"SourceRule", [](auto& s) { leg_a(s).source_rule = static_cast<SourceRule>(0); },
                "streams[0].leg[a].source_rule"},
        BadSpec{"LatchWithoutKey", [](auto& s) { leg_a(s).receive_key.reset(); }, "streams[0].leg[a].source_rule"},
        BadSpec{"LatchPlainWithKey", [](auto& s) { leg_a(s).source_rule = SourceRule::kLatchPlain; },
                "streams[0].leg[a].source_rule"},
        BadSpec{"Suite", [](auto& s) { leg_a(s).send_key->suite = static_cast<SrtpSuite>(7); },
                "streams[0].leg[a].send_key.suite"},
        BadSpec{"KeyShort", [](auto& s) { leg_a(s).send_key->master_key = SecretBytes(std::size_t{31}); },
                "streams[0].leg[a].send_key.master_key"},
        BadSpec{"SaltLong", [](auto& s) { leg_a(s).receive_key->master_salt = SecretBytes(std::size_t{15}); },
                "streams[0].leg[a].receive_key.master_salt"},
        BadSpec{"MkiLong", [](auto& s) { leg_a(s).receive_key->mki.resize(kMaxMkiBytes + 1); },
                "streams[0].leg[a].receive_key.mki"},
        BadSpec{"LifetimeZero", [](auto& s) { leg_a(s).receive_key->lifetime_packets = 0; },
                "streams[0].leg[a].receive_key.lifetime_packets"},
        BadSpec{"LifetimeLong", [](auto& s) { leg_a(s).receive_key->lifetime_packets = (1ULL << 48U) + 1; },
                "streams[0].leg[a].receive_key.lifetime_packets"},
        BadSpec{"CnameLong", [](auto& s) { leg_a(s).cname = std::string(kMaxCnameBytes + 1, 'c'); },
                "streams[0].leg[a].cname"},
        BadSpec{"Dscp", [](auto& s) { leg_a(s).dscp = 64; }, "streams[0].leg[a].dscp"},
        BadSpec{"Transport", [](auto& s) { leg_b(s).transport = static_cast<LegTransport>(3); },
                "streams[0].leg[b].transport"},
        BadSpec{"TcpWithoutIce", [](auto& s) { leg_b(s).ice.reset(); }, "streams[0].leg[b].transport"},
        BadSpec{"TcpWithoutMux", [](auto& s) { leg_a(s).transport = LegTransport::kTcp; },
                "streams[0].leg[a].transport"},
        BadSpec{"UndecidedWithPair", [](auto& s) { leg_a(s).transport = LegTransport::kUdpOrTcp; },
                "streams[0].leg[a].transport"},
        BadSpec{"UndecidedWithRemote",
                [](auto& s) {
                  leg_b(s).transport = LegTransport::kUdpOrTcp;
                  leg_b(s).remote_rtcp.reset();
                },
                "streams[0].leg[b].transport"},
        BadSpec{"UndecidedWithRemoteRtcp",
                [](auto& s) {
                  leg_b(s).transport = LegTransport::kUdpOrTcp;
                  leg_b(s).rtcp_mux = false;
                  leg_b(s).remote_rtp.reset();
                },
                "streams[0].leg[b].transport"},
        BadSpec{"UndecidedWithoutIce",
                [](auto& s) {
                  leg_b(s).transport = LegTransport::kUdpOrTcp;
                  leg_b(s).remote_rtp.reset();
                  leg_b(s).remote_rtcp.reset();
                  leg_b(s).ice.reset();
                },
                "streams[0].leg[b].transport"},
        BadSpec{"DscpRule", [](auto& s) { leg_b(s).dscp_rule = static_cast<DscpRule>(3); },
                "streams[0].leg[b].dscp_rule"},
        BadSpec{"DscpMapUnused", [](auto& s) { leg_b(s).dscp_map = {{1, 2}}; }, "streams[0].leg[b].dscp_map"},
        BadSpec{"DscpMapFromHigh", [](auto& s) { leg_a(s).dscp_map = {{64, 2}}; }, "streams[0].leg[a].dscp_map"},
        BadSpec{"DscpMapToHigh", [](auto& s) { leg_a(s).dscp_map = {{2, 64}}; }, "streams[0].leg[a].dscp_map"},
        BadSpec{"DscpMapTwice", [](auto& s) { leg_a(s).dscp_map = {{2, 3}, {2, 3}}; }, "streams[0].leg[a].dscp_map"},
        BadSpec{"UfragShort", [](auto& s) { leg_a(s).ice->local_ufrag = "abc"; }, "streams[0].leg[a].ice.local_ufrag"},
        BadSpec{"UfragLong", [](auto& s) { leg_a(s).ice->local_ufrag = std::string(kMaxIceTextBytes + 1, 'u'); },
                "streams[0].leg[a].ice.local_ufrag"},
        BadSpec{"UfragWithColon", [](auto& s) { leg_a(s).ice->local_ufrag = "ab:cd"; },
                "streams[0].leg[a].ice.local_ufrag"},
        BadSpec{"RemoteUfragShort", [](auto& s) { leg_a(s).ice->remote_ufrag = "abc"; },
                "streams[0].leg[a].ice.remote_ufrag"},
        BadSpec{"PasswordShort", [](auto& s) { leg_a(s).ice->local_password = sample_password(21, 'p'); },
                "streams[0].leg[a].ice.local_password"},
        BadSpec{"PasswordLong", [](auto& s) { leg_a(s).ice->local_password = sample_password(257, 'p'); },
                "streams[0].leg[a].ice.local_password"},
        BadSpec{"PasswordWithSpace", [](auto& s) { leg_a(s).ice->remote_password = sample_password(22, ' '); },
                "streams[0].leg[a].ice.remote_password"},
        BadSpec{"RemotePasswordAlone", [](auto& s) { leg_b(s).ice->remote_password = sample_password(22, 'p'); },
                "streams[0].leg[b].ice.remote_password"},
        BadSpec{"RemoteUfragAlone", [](auto& s) { leg_b(s).ice->remote_ufrag = "abcd"; },
                "streams[0].leg[b].ice.remote_password"},
        BadSpec{"StunForm", [](auto& s) { leg_a(s).ice->form = static_cast<StunForm>(3); },
                "streams[0].leg[a].ice.form"},
        BadSpec{"NominatedWithoutCredentials", [](auto& s) { leg_b(s).ice->nominated = true; },
                "streams[0].leg[b].ice.nominated"},
        BadSpec{"NominatedWithoutPair", [](auto& s) { leg_a(s).remote_rtp.reset(); },
                "streams[0].leg[a].ice.nominated"},
        BadSpec{"VideoFormat", [](auto& s) { s.streams[1].leg[0].video.format = static_cast<VideoFormat>(3); },
                "streams[1].leg[a].video.format"},
        BadSpec{"VideoFormatOfAudio", [](auto& s) { leg_a(s).video.format = VideoFormat::kH264; },
                "streams[0].leg[a].video.format"},
        BadSpec{"PacketizationMode", [](auto& s) { leg_a(s).video.packetization_mode = 2; },
                "streams[0].leg[a].video.packetization_mode"},
        BadSpec{"PayloadSmall", [](auto& s) { leg_a(s).video.max_payload_bytes = kMinVideoPayloadBytes - 1; },
                "streams[0].leg[a].video.max_payload_bytes"},
        BadSpec{"PayloadLarge", [](auto& s) { leg_a(s).video.max_payload_bytes = kMaxVideoPayloadBytes + 1; },
                "streams[0].leg[a].video.max_payload_bytes"},
        BadSpec{"TemporalId", [](auto& s) { leg_a(s).video.max_temporal_id = 8; },
                "streams[0].leg[a].video.max_temporal_id"},
        BadSpec{"TooManyParameterSets",
                [](auto& s) { leg_a(s).video.parameter_sets.assign(kMaxParameterSets + 1, Octets(1)); },
                "streams[0].leg[a].video.parameter_sets"},
        BadSpec{"ParameterSetEmpty", [](auto& s) { leg_a(s).video.parameter_sets = {{}}; },
                "streams[0].leg[a].video.parameter_sets"},
        BadSpec{"ParameterSetLong",
                [](auto& s) { leg_a(s).video.parameter_sets = {Octets(kMaxParameterSetBytes + 1)}; },
                "streams[0].leg[a].video.parameter_sets"},
        BadSpec{"ParameterSetsTogether",
                [](auto& s) {
                  s.streams.assign(5, s.streams[0]);
                  for (auto& stream : s.streams) {
                    stream.leg[0].video.parameter_sets.assign(kMaxParameterSets, Octets(kMaxParameterSetBytes));
                  }
                },
                "streams"},
        BadSpec{"Feedback", [](auto& s) { leg_a(s).feedback = static_cast<FeedbackDialect>(0); },
                "streams[0].leg[a].feedback"},
        BadSpec{"PeerSsrcsBackwards", [](auto& s) { leg_a(s).peer_ssrcs = {2, 1}; }, "streams[0].leg[a].peer_ssrcs"},
        BadSpec{"OwnSsrcsBackwards", [](auto& s) { leg_b(s).own_ssrcs = {2, 1}; }, "streams[0].leg[b].own_ssrcs"},
        BadSpec{"SsrcOutsideOwn", [](auto& s) { leg_a(s).own_ssrcs = {1, 2}; }, "streams[0].leg[a].ssrc"},
        BadSpec{"TooManyMaps", [](auto& s) { s.streams[0].a_to_b.assign(kMaxPayloadMaps + 1, {0, 0, 8000, 8000}); },
                "streams[0].a_to_b"},
        BadSpec{"PayloadType", [](auto& s) { s.streams[0].a_to_b[0].from = 128; }, "streams[0].a_to_b"},
        BadSpec{"PayloadTypeTwice", [](auto& s) { s.streams[0].a_to_b[1].from = 0; }, "streams[0].a_to_b"},
        BadSpec{"ClockZero", [](auto& s) { s.streams[0].b_to_a[0].to_clock_hz = 0; }, "streams[0].b_to_a"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Validate, EverythingElseAtAndPastItsBound) {
  const auto refused = [](const Message& message) { return !validate(message); };
  EXPECT_TRUE(refused(Hello{0, 1}));
  EXPECT_TRUE(refused(Hello{2, 1}));
  EXPECT_TRUE(refused(CloseRequest{}));
  const SessionId id{1};
  EXPECT_TRUE(refused(SendPacketRequest{id, kMaxStreams, Side::kA, Component::kRtp, v4(1, 1), {1}}));
  EXPECT_TRUE(refused(SendPacketRequest{id, 0, static_cast<Side>(2), Component::kRtp, v4(1, 1), {1}}));
  EXPECT_TRUE(refused(SendPacketRequest{id, 0, Side::kA, static_cast<Component>(0), v4(1, 1), {1}}));
  EXPECT_TRUE(refused(SendPacketRequest{id, 0, Side::kA, Component::kRtp, v4(1, 0), {1}}));
  EXPECT_TRUE(refused(SendPacketRequest{id, 0, Side::kA, Component::kRtp, v4(1, 1), {}}));
  EXPECT_TRUE(refused(SendPacketRequest{id, 0, Side::kA, Component::kRtp, v4(1, 1), Octets(kMaxPacketBytes + 1)}));
  EXPECT_TRUE(refused(PuntEvent{id, 0, Side::kA, Component::kRtp, v4(1, 1), Octets(kMaxPacketBytes + 1)}));
  EXPECT_TRUE(refused(PictureRequest{id, kMaxStreams, Side::kA}));
  EXPECT_TRUE(refused(PictureRequest{{}, 0, Side::kA}));
  EXPECT_TRUE(refused(ConsentLostEvent{id, 0, Side::kA, static_cast<Component>(3)}));
  EXPECT_TRUE(refused(ConsentLostEvent{id, 0, static_cast<Side>(2), Component::kRtp}));
  EXPECT_TRUE(refused(PictureWantedEvent{id, kMaxStreams, Side::kA}));
  EXPECT_TRUE(refused(OneWayMediaEvent{id, 0, Side::kA, "two words"}));
  EXPECT_TRUE(refused(KeyLifetimeLowEvent{id, 0, Side::kA, static_cast<KeyDirection>(2), 1}));
  EXPECT_TRUE(refused(KeyLifetimeLowEvent{id, kMaxStreams, Side::kA, KeyDirection::kSend, 1}));
  EXPECT_TRUE(refused(OneWayMediaEvent{id, 0, Side::kA, ""}));
  EXPECT_TRUE(refused(MediaTimedOutEvent{id, 0, Side::kA, std::string(kMaxTextBytes + 1, 'c')}));
  EXPECT_TRUE(refused(SessionPage{{{SessionId{2}, 1}, {SessionId{2}, 1}}, {}}));
  EXPECT_TRUE(refused(SessionPage{{{SessionId{2}, 1}}, SessionId{2}}));  // would be read for ever
  SessionPage page;
  for (std::uint64_t i = 1; i <= kMaxPageSessions + 1; ++i) page.sessions.push_back({SessionId{i}, 1});
  EXPECT_TRUE(refused(page));
  SessionStats stats = sample_stats();
  stats.streams[0].leg[0].jitter_ms = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(refused(stats));
  stats = sample_stats();
  stats.streams[0].leg[0].payload_type = 128;
  EXPECT_TRUE(refused(stats));
  DataplaneStatus status = sample_status();
  status.counters[0].name = "a b";
  EXPECT_TRUE(refused(status));
  status = sample_status();
  status.counters.assign(kMaxCounters + 1, {"c", 1});
  EXPECT_TRUE(refused(status));
  status = sample_status();
  status.pools.assign(kMaxPools + 1, status.pools[0]);
  EXPECT_TRUE(refused(status));
}

TEST(Suites, LengthsAreThoseOfTheirDocuments) {
  EXPECT_EQ(master_key_bytes(SrtpSuite::kAesCm192HmacSha1_80), 24U);
  EXPECT_EQ(master_salt_bytes(SrtpSuite::kAesCm192HmacSha1_80), 14U);
  EXPECT_EQ(master_salt_bytes(SrtpSuite::kAeadAes128Gcm), 12U);
  EXPECT_EQ(to_string(SrtpSuite::kAesCm128HmacSha1_32), "AES_CM_128_HMAC_SHA1_32");
}

}  // namespace
}  // namespace isthmus::contract
