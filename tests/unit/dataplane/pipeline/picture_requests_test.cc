// Requests for pictures between a Microsoft peer ([MS-RTP] 2.2.12) and a standards one (RFC 4585, RFC 5104).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/payload/picture_request.h"
#include "dataplane/wire/rtcp.h"
#include "tests/support/pipeline/video.h"

namespace isthmus::test {
namespace {

using wire::RtcpType;

class MicrosoftRequests : public testing::Test {
 protected:
  struct Found {
    wire::RtcpPacket packet;
    std::shared_ptr<const Payload> keep;
    bool first = false;  ///< nothing before it in its compound
  };

  void make(std::function<void(contract::StreamSpec&)> change = {}) {
    bench_ = std::make_unique<VideoBench>(std::move(change));
  }
  void SetUp() override { make(); }
  void TearDown() override { EXPECT_TRUE(bench_->clean()); }

  SocketAddress rtcp_of(std::size_t side) const {
    SocketAddress address = *bench_->spec.streams[0].leg[side].remote_rtp;
    ++address.port;
    return address;
  }
  std::uint32_t ours(std::size_t side) const { return bench_->state.streams[0].leg[side].ssrc; }

  /// Feedback of this format to the peer of the side.
  std::vector<Found> feedback(const std::vector<Sent>& sent, std::size_t side, std::uint8_t format) const {
    std::vector<Found> all;
    for (const Sent& one : sent) {
      if (one.to != rtcp_of(side)) continue;
      EXPECT_TRUE(wire::RtcpReader::valid(one.payload));
      Found found;
      found.keep = std::make_shared<Payload>(one.payload);
      wire::RtcpReader reader(*found.keep);
      for (bool first = true; reader.next(found.packet); first = false) {
        if (found.packet.type != RtcpType::kPayloadFeedback || found.packet.count != format) continue;
        found.first = first;
        all.push_back(found);
      }
    }
    return all;
  }
  static std::optional<payload::SourceRequest> request(const Found& found) {
    return payload::read_source_request(found.packet.body.subspan(8));
  }
  std::vector<Sent> rtcp(std::size_t side, const Payload& packet) {
    auto sent = bench_->relay.send(rtcp_of(side), bench_->state.streams[0].leg[side].local_rtcp, packet);
    for (Sent& one : bench_->relay.tick()) sent.push_back(std::move(one));
    return sent;
  }
  template <typename Write>
  static Payload written(Write write) {
    Payload buffer(1500);
    wire::RtcpWriter writer(buffer);
    write(writer);
    buffer.resize(writer.size());
    return buffer;
  }
  Payload source_request(std::uint16_t id, bool key_frame) {
    payload::SourceRequest wanted;
    wanted.request_id = id;
    wanted.key_frame = key_frame;
    wanted.entry_count = 1;
    wanted.entries[0].max_width = 640;
    wanted.entries[0].max_height = 360;
    std::array<std::uint8_t, 88> fci;
    payload::write_source_request(wanted, fci);
    return written([&](wire::RtcpWriter& writer) {
      writer.payload_feedback(payload::kFormatApplication, 9, payload::kSourceAny, fci);
    });
  }

  std::unique_ptr<VideoBench> bench_;
};

TEST_F(MicrosoftRequests, AMicrosoftPeerIsAskedForItsVideoAtOnceAndWithEachReport) {
  const auto first = feedback(bench_->others, 0, payload::kFormatApplication);
  ASSERT_FALSE(first.empty());
  const auto asked = request(first[0]);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->source, payload::kSourceAny);
  ASSERT_EQ(asked->entry_count, 1U);
  EXPECT_EQ(asked->entries[0].payload_type, 122);
  EXPECT_EQ(asked->entries[0].max_height, 720);
  const auto again = feedback(bench_->relay.pass_ms(16'000), 0, payload::kFormatApplication);
  ASSERT_GE(again.size(), 2U);
  for (const Found& one : again) EXPECT_EQ(request(one)->request_id, asked->request_id);
  EXPECT_TRUE(feedback(bench_->relay.pass_ms(16'000), 1, payload::kFormatApplication).empty());
}

// RFC 6184 8.1: what the far peer decodes at most is what the client is asked for.
TEST_F(MicrosoftRequests, AMicrosoftPeerIsAskedForNoMoreThanTheFarPeerDecodes) {
  struct Case {
    std::uint32_t frame, second;
    std::uint16_t width, height;
    std::uint32_t rates;
  };
  constexpr std::uint32_t kBoth = payload::kRate15 | payload::kRate30;
  for (const Case& limits : {Case{0, 0, 1280, 720, kBoth}, Case{3600, 108'000, 1280, 720, kBoth},
                             Case{3600, 107'999, 1280, 720, payload::kRate15}, Case{3600, 53'999, 640, 480, kBoth},
                             Case{3599, 108'000, 640, 480, kBoth}, Case{1199, 40'500, 640, 360, kBoth},
                             Case{919, 20'250, 352, 288, kBoth}, Case{396, 6000, 352, 288, payload::kRate15},
                             Case{99, 1485, 176, 144, payload::kRate15}, Case{9, 9, 176, 144, payload::kRate15}}) {
    make([&](contract::StreamSpec& stream) {
      stream.leg[1].video.max_frame_macroblocks = limits.frame;
      stream.leg[1].video.max_macroblocks_per_second = limits.second;
    });
    const auto first = feedback(bench_->others, 0, payload::kFormatApplication);
    ASSERT_FALSE(first.empty());
    const payload::SourceEntry entry = request(first[0])->entries[0];
    EXPECT_EQ(entry.max_width, limits.width) << limits.frame << ' ' << limits.second;
    EXPECT_EQ(entry.max_height, limits.height) << limits.frame << ' ' << limits.second;
    EXPECT_EQ(entry.frame_rates, limits.rates) << limits.frame << ' ' << limits.second;
    EXPECT_EQ(entry.max_pixels, std::uint32_t{limits.width} * limits.height);
  }
}

// Over TCP only ICE tells where the peer is: the request of the start is kept until then.
TEST_F(MicrosoftRequests, AKeyFrameIsAskedForAsSoonAsThereIsAnAddress) {
  const SocketAddress pair = *bench_->spec.streams[0].leg[0].remote_rtp;
  make([](contract::StreamSpec& stream) {
    stream.leg[0].remote_rtp.reset();
    contract::IceSpec& ice = stream.leg[0].ice.emplace();
    ice.local_ufrag = ice.remote_ufrag = "abcd";
    ice.local_password = ice.remote_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
  });
  for (const Sent& sent : bench_->relay.pass_ms(3000)) EXPECT_NE(sent.to.ip, pair.ip);
  bench_->spec.streams[0].leg[0].remote_rtp = pair;
  bench_->spec.streams[0].leg[0].ice->nominated = true;
  ++bench_->spec.revision;
  ASSERT_TRUE(bench_->relay.table.update(bench_->spec, bench_->relay.now.monotonic_ns));
  const auto asked = feedback(bench_->relay.pass_ms(150), 0, payload::kFormatApplication);
  ASSERT_FALSE(asked.empty());
  EXPECT_TRUE(request(asked[0])->key_frame);
}

TEST_F(MicrosoftRequests, NothingIsWantedWhileTheFarPeerIsHeld) {
  const auto first = feedback(bench_->others, 0, payload::kFormatApplication);
  ASSERT_FALSE(first.empty());
  auto spec = bench_->spec;
  spec.revision = 2;
  spec.streams[0].leg[1].send = false;
  bench_->relay.update(spec);
  const auto held = feedback(bench_->relay.pass_ms(16'000), 0, payload::kFormatApplication);
  ASSERT_FALSE(held.empty());
  EXPECT_EQ(request(held[0])->source, payload::kSourceNone);
  EXPECT_EQ(request(held[0])->entry_count, 0U);
  EXPECT_NE(request(held[0])->request_id, request(first[0])->request_id);
  spec.revision = 3;
  spec.streams[0].leg[1].send = true;
  bench_->relay.update(spec);
  const auto resumed = feedback(bench_->relay.pass_ms(200), 0, payload::kFormatApplication);
  ASSERT_FALSE(resumed.empty());
  EXPECT_EQ(request(resumed.back())->source, payload::kSourceAny);
  EXPECT_TRUE(request(resumed.back())->key_frame);
}

TEST_F(MicrosoftRequests, PliBecomesExtendedPliAndSourceRequest) {
  bench_->send(0, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(2000);
  for (const bool fir : {false, true}) {
    const auto sent = rtcp(1, written([&](wire::RtcpWriter& writer) {
                             if (fir) {
                               writer.fir(9, ours(1), 1);
                             } else {
                               writer.pli(9, ours(1));
                             }
                           }));
    const auto pli = feedback(sent, 0, wire::kFormatPli);
    ASSERT_EQ(pli.size(), 1U);
    EXPECT_TRUE(pli[0].first);  // reduced size
    EXPECT_EQ(wire::feedback_media_ssrc(pli[0].packet), 7U);
    const auto extended = payload::read_extended_pli(pli[0].packet.body.subspan(8));
    ASSERT_TRUE(extended);
    EXPECT_EQ(extended->layers, 1U);
    const auto source = feedback(sent, 0, payload::kFormatApplication);
    ASSERT_EQ(source.size(), 1U);
    EXPECT_TRUE(request(source[0])->key_frame);
    bench_->relay.pass_ms(600);
  }
}

TEST_F(MicrosoftRequests, RequestsOfAMicrosoftPeerBecomePli) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  const auto fci = payload::write_extended_pli({3, 1});
  const auto extended =
      written([&](wire::RtcpWriter& writer) { writer.payload_feedback(wire::kFormatPli, 9, ours(0), fci); });
  EXPECT_EQ(feedback(rtcp(0, extended), 1, wire::kFormatPli).size(), 1U);
  EXPECT_TRUE(feedback(rtcp(0, extended), 1, wire::kFormatPli).empty());  // two a second
  bench_->relay.pass_ms(1000);
  EXPECT_EQ(feedback(rtcp(0, source_request(5, true)), 1, wire::kFormatPli).size(), 1U);
  bench_->relay.pass_ms(1000);
  EXPECT_TRUE(feedback(rtcp(0, source_request(5, true)), 1, wire::kFormatPli).empty());  // said before
  EXPECT_TRUE(feedback(rtcp(0, source_request(6, false)), 1, wire::kFormatPli).empty());
  EXPECT_EQ(feedback(rtcp(0, source_request(7, true)), 1, wire::kFormatPli).size(), 1U);
}

TEST_F(MicrosoftRequests, AStandardsPeerThatWordsItAsMicrosoftIsNotHeard) {
  bench_->send(0, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(2000);
  EXPECT_TRUE(feedback(rtcp(1, source_request(5, true)), 0, wire::kFormatPli).empty());
}

TEST_F(MicrosoftRequests, ReportsWithExtensionsAreTaken) {
  // RR with one block, the peer's estimate and its link.
  const Payload report{0x81, 0xc9, 0x00, 0x0f, 0x00, 0x01, 0x23, 0x45, 0x00, 0x09, 0xc4, 0x00, 0x00, 0x00, 0x00, 0x00,
                       0x00, 0x01, 0xab, 0xcd, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                       0x00, 0x01, 0x00, 0x0c, 0x00, 0x09, 0xc4, 0x00, 0x00, 0x16, 0xe3, 0x60, 0x00, 0x0c, 0x00, 0x14,
                       0x00, 0x01, 0x23, 0x45, 0x00, 0x98, 0x96, 0x80, 0x00, 0x98, 0x96, 0x80, 0x00, 0x00, 0x00, 0x00};
  rtcp(0, report);
  EXPECT_EQ(bench_->relay.dropped(DropReason::kRtcpMalformed), 0U);
  EXPECT_EQ(bench_->relay.table.stats({1})->streams[0].leg[0].rtcp_received, 1U);
}

TEST_F(MicrosoftRequests, AKeyFrameIsAskedForWhenAPeerComesBack) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  auto spec = bench_->spec;
  spec.revision = 2;
  spec.streams[0].leg[0].send = false;
  bench_->relay.update(spec);
  spec.revision = 3;
  spec.streams[0].leg[0].send = true;
  bench_->relay.table.update(spec, bench_->relay.now.monotonic_ns);
  EXPECT_EQ(feedback(bench_->relay.tick(), 1, wire::kFormatPli).size(), 1U);
}

TEST_F(MicrosoftRequests, AKeyFrameIsAskedForAgainWhileMediaIsYoung) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  std::size_t asked = 0;
  for (int tenths = 0; tenths < 100; ++tenths) {
    const std::size_t now = feedback(bench_->relay.pass_ms(100), 1, wire::kFormatPli).size();
    asked += now;
    if (now > 0 && asked == 1) {
      EXPECT_LE(tenths, 6) << "a picture within a second";
    }
    if (now > 0)
      bench_->send(1, static_cast<std::uint16_t>(1 + asked), static_cast<std::uint32_t>(3000 * asked), true,
                   {0x65, 1, 2});
  }
  EXPECT_EQ(asked, 3U) << "the client's decoder may have come up after the first key frame";
}

TEST_F(MicrosoftRequests, AnAskThatBringsNoKeyFrameIsRepeatedSoonerAndNotForEver) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  std::vector<int> at;
  for (int tenths = 1; tenths < 200; ++tenths) {
    if (!feedback(bench_->relay.pass_ms(100), 1, wire::kFormatPli).empty()) at.push_back(tenths);
    bench_->send(1, static_cast<std::uint16_t>(1 + tenths), 9000U * static_cast<unsigned>(tenths), true, {0x41, 1, 2});
  }
  ASSERT_EQ(at.size(), 9U) << "three asks and six repeats";
  EXPECT_LE(at[1] - at[0], 6);
  EXPECT_LT(at.back(), 100);
}

TEST_F(MicrosoftRequests, APeerWithoutFeedbackIsAskedByTheControlPlane) {
  make([](contract::StreamSpec& stream) { stream.leg[1].feedback = contract::FeedbackDialect::kNone; });
  bench_->relay.pass_ms(200);
  const auto events = bench_->relay.poll();
  EXPECT_TRUE(std::ranges::any_of(events, [](const contract::Event& event) {
    return std::holds_alternative<contract::PictureWantedEvent>(event);
  }));
}

TEST_F(MicrosoftRequests, AFirOfAMicrosoftPeerIsAPliToo) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  const auto sent = rtcp(0, written([&](wire::RtcpWriter& writer) { writer.fir(9, ours(0), 1); }));
  EXPECT_EQ(feedback(sent, 1, wire::kFormatPli).size(), 1U);
  EXPECT_EQ(feedback(sent, 1, wire::kFormatFir).size(), 1U);
}

TEST_F(MicrosoftRequests, ASourceRequestThatLiesIsDropped) {
  bench_->send(1, 1, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  constexpr std::size_t kFci = 12;
  const auto lie = [&](std::size_t at, std::uint8_t value) {
    Payload packet = source_request(8, true);
    packet[kFci + at] = value;
    return packet;
  };
  std::uint64_t lies = 0;
  for (const Payload& packet : {lie(3, 1), lie(14, 21), lie(14, 2), lie(15, 67)}) {  // length, entries, their size
    EXPECT_TRUE(feedback(rtcp(0, packet), 1, wire::kFormatPli).empty());
    EXPECT_EQ(bench_->relay.dropped(DropReason::kRtcpMalformed), ++lies);
  }
  rtcp(0, lie(1, 3));  // another message: who speaks
  EXPECT_EQ(bench_->relay.dropped(DropReason::kRtcpMalformed), lies);
}

TEST_F(MicrosoftRequests, ABaseLayerThatStopsMakesAKeyFrameBeAskedFor) {
  const Payload base{0x7e, 0x80, 0x80, 0x07, 0x20, 0, 1};
  const Payload enhancement{0x7e, 0x80, 0x80, 0x27, 0x20, 0, 1};
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  const auto picture = [&](const Payload& pacsi, std::uint8_t header) {
    bench_->others.clear();
    bench_->send(0, ++sequence, timestamp += 3000, false, pacsi);
    bench_->send(0, ++sequence, timestamp, true, {header, 1, 2});
    return !feedback(bench_->others, 0, wire::kFormatPli).empty();
  };
  picture(base, 0x65);
  bench_->relay.pass_ms(10'000);
  for (int i = 0; i < 3; ++i) {  // four layers: seven between two of the base layer
    EXPECT_FALSE(picture(base, 0x41));
    for (std::size_t n = 1; n < session::kMaxWithoutBase; ++n) EXPECT_FALSE(picture(enhancement, 0x01)) << n;
  }
  EXPECT_FALSE(picture(enhancement, 0x01));
  EXPECT_TRUE(picture(enhancement, 0x01));
  bench_->relay.pass_ms(1000);
  EXPECT_TRUE(picture(base, 0x41)) << "what it refers to never came";
  bench_->relay.pass_ms(1000);
  EXPECT_FALSE(picture(base, 0x65));
  EXPECT_FALSE(picture(base, 0x41));
}

TEST_F(MicrosoftRequests, ALayerThatIsAConstantMakesNothingBeAskedFor) {
  const Payload pacsi{0x7e, 0x80, 0x80, 0x67, 0x20, 0, 1};
  bench_->send(0, 1, 0, false, pacsi);
  bench_->send(0, 2, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  bench_->others.clear();
  for (std::uint16_t i = 0; i < 40; ++i) {
    bench_->send(0, static_cast<std::uint16_t>(3 + 2 * i), i, false, pacsi);
    bench_->send(0, static_cast<std::uint16_t>(4 + 2 * i), i, true, {0x41, 1, 2});
  }
  EXPECT_TRUE(feedback(bench_->others, 0, wire::kFormatPli).empty());
}

TEST_F(MicrosoftRequests, AnSpsThatChangesWithoutAKeyFrameMakesOneBeAskedFor) {
  Payload sps{0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a};
  bench_->send(0, 1, 0, false, sps);
  bench_->send(0, 2, 0, true, {0x65, 1, 2});
  bench_->relay.pass_ms(10'000);
  bench_->others.clear();
  bench_->send(0, 3, 3000, false, sps);
  bench_->send(0, 4, 3000, true, {0x41, 1, 2});
  EXPECT_TRUE(feedback(bench_->others, 0, wire::kFormatPli).empty()) << "the same again";
  sps.back() ^= 2U;
  bench_->send(0, 5, 6000, false, sps);
  bench_->send(0, 6, 6000, true, {0x41, 1, 2});
  EXPECT_EQ(feedback(bench_->others, 0, wire::kFormatPli).size(), 1U);
  bench_->relay.pass_ms(1000);
  bench_->others.clear();
  bench_->send(0, 7, 9000, true, {0x65, 1, 2});
  bench_->send(0, 8, 12000, true, {0x41, 1, 2});
  EXPECT_TRUE(feedback(bench_->others, 0, wire::kFormatPli).empty());
}

TEST_F(MicrosoftRequests, APictureWithoutKeyFrameMakesOneBeAskedFor) {
  bench_->relay.pass_ms(2000);
  bench_->send(1, 1, 0, true, {0x41, 1, 2});
  EXPECT_EQ(feedback(bench_->others, 1, wire::kFormatPli).size(), 1U);
}

}  // namespace
}  // namespace isthmus::test
