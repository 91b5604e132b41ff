#include "controlplane/sdp/reader.h"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "controlplane/sdp/writer.h"

namespace isthmus::sdp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kHead = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

std::string with_head(std::string_view rest) { return std::string(kHead) + std::string(rest); }

SessionDescription good(std::string_view text, RepairCounts* repairs = nullptr) {
  auto description = parse(text, repairs);
  EXPECT_TRUE(description.has_value()) << (description ? "" : to_string(description.error()));
  return description ? std::move(*description) : SessionDescription{};
}

std::string repeated(std::size_t times, const std::function<std::string(std::size_t)>& line) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += line(i);
  return text;
}

TEST(Reader, TakesAPlainOffer) {
  RepairCounts repairs;
  const auto d =
      good(with_head("m=audio 49170 RTP/AVP 0 96\r\nb=AS:80\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
                     "a=rtcp:49180 IN IP4 192.0.2.9\r\na=rtcp-mux\r\na=ptime:20\r\na=sendonly\r\na=x-own:thing\r\n"),
           &repairs);
  EXPECT_EQ(repairs.total(), 0U);
  EXPECT_EQ(d.origin.session_id, "1");
  ASSERT_EQ(d.media.size(), 1U);
  const MediaSection& m = d.media[0];
  EXPECT_EQ(m.kind, MediaKind::kAudio);
  EXPECT_EQ(m.port, 49170);
  EXPECT_EQ(m.protocol, Protocol::kRtpAvp);
  ASSERT_EQ(m.formats.size(), 2U);
  EXPECT_EQ(m.formats[0].encoding, "PCMU");  // static, no rtpmap
  EXPECT_EQ(m.formats[0].clock_hz, 8000U);
  EXPECT_EQ(m.formats[1].channels, 2);
  EXPECT_EQ(m.formats[1].fmtp, "useinbandfec=1");
  EXPECT_EQ(m.rtcp_port, 49180);
  EXPECT_EQ(to_string(m.rtcp_connection->address), "192.0.2.9");
  EXPECT_TRUE(m.rtcp_mux);
  EXPECT_EQ(m.ptime_ms, 20U);
  EXPECT_EQ(m.direction, Direction::kSendOnly);
  EXPECT_EQ(bandwidth_bps(m.bandwidths), 80'000U);
  ASSERT_EQ(m.attributes.size(), 1U);
  EXPECT_EQ(m.attributes[0].name, "x-own");
}

TEST(Reader, ErrorsNameLineAndOffset) {
  const auto bad = parse(with_head("m=audio 4000 RTP/AVP 128\r\n"));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::kMalformedInput);
  EXPECT_THAT(bad.error().message, HasSubstr("line 6"));
  EXPECT_EQ(bad.error().offset, kHead.size());
}

TEST(Reader, MalformedLinesAreRefused) {
  const std::string bad[] = {
      "",
      "\r\n\r\n",
      "hello\r\n",
      "v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n",
      "v=0\r\no=- 1 1 IN IP4\r\n",
      "v=0\r\no=- x 1 IN IP4 1.2.3.4\r\n",
      "v=0\r\no=- 1 1 ATM NSAP 47\r\n",
      with_head("c=IN IP4 1.2.3.4.5/6?\r\nm=audio 1 RTP/AVP 0\r\n").substr(kHead.size()),
      with_head("m=audio\r\n"),
      with_head("m=audio x RTP/AVP 0\r\n"),
      with_head("m=audio 65536 RTP/AVP 0\r\n"),
      with_head("m=audio -1 RTP/AVP 0\r\n"),
      with_head("m=audio 4000/0 RTP/AVP 0\r\n"),
      with_head("m=audio 4000 RTP/AVP\r\n"),
      with_head("m=audio 4000 RTP/AVP zero\r\n"),
      with_head("m=audio 4000\r\n"),
      with_head("m=au/dio 4000 RTP/AVP 0\r\n"),
      with_head("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 1.2.3.4%eth0\r\n"),
      with_head("m=audio 4000 RTP/AVP 0\r\nc=IN IP4\r\n"),
      with_head("m=audio 4000 RTP/AVP 0\r\nA=upper\r\n"),
      with_head(std::string("m=audio 4000 RTP/AVP 0\r\na=x\0y\r\n", 31)),
      with_head("m=audio 4000 RTP/AVP 0\r\na=x\x1b[2J\r\n"),
  };
  for (const std::string& text : bad) {
    const auto result = parse(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::kMalformedInput) << text;
    EXPECT_FALSE(result.error().message.empty());
  }
}

TEST(Reader, RepairsAreCounted) {
  RepairCounts repairs;
  good("m=audio 0 RTP/AVP\n\nx=1\n", &repairs);
  EXPECT_EQ(repairs[Repair::kMissingVersion], 1U);
  EXPECT_EQ(repairs[Repair::kMissingOrigin], 1U);
  EXPECT_EQ(repairs[Repair::kMissingSessionName], 1U);
  EXPECT_EQ(repairs[Repair::kMissingTiming], 1U);
  EXPECT_EQ(repairs[Repair::kMissingConnection], 0U);  // nothing is sent to a refused line
  EXPECT_EQ(repairs[Repair::kBareLineEnd], 3U);
  EXPECT_EQ(repairs[Repair::kBlankLine], 1U);
  EXPECT_EQ(repairs[Repair::kUnknownLine], 1U);

  RepairCounts more;
  const auto d = good(
      "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 0 \r\na=rtpmap:99 x/1\r\n"
      "a=rtpmap:0 broken\r\na=crypto:1 X\r\na=ptime:never\r\n",
      &more);
  EXPECT_EQ(more[Repair::kMissingConnection], 1U);
  EXPECT_EQ(more[Repair::kDuplicateFormat], 2U);
  EXPECT_EQ(more[Repair::kTrailingSpace], 1U);
  EXPECT_EQ(more[Repair::kDamagedAttribute], 2U);
  EXPECT_EQ(more[Repair::kDamagedCrypto], 1U);
  EXPECT_EQ(connection_of(d, d.media[0]), nullptr);
  EXPECT_EQ(d.media[0].formats[0].encoding, "PCMU");
}

TEST(Reader, KeepsLinesItHasNoPlaceForRaw) {
  const auto d = good(with_head(
      "m=applicationsharing 21504 TCP/RTP/SAVP 127\r\na=setup:active\r\na=x-applicationsharing-role:sharer\r\n"
      "a=rtpmap:127 x-data/90000\r\nm=message 5060 sip null\r\nm=application 5070 UDP/BFCP *\r\n"));
  ASSERT_EQ(d.media.size(), 3U);
  EXPECT_EQ(d.media[0].kind, MediaKind::kOther);
  EXPECT_EQ(d.media[0].protocol, Protocol::kTcpRtpSavp);
  EXPECT_EQ(d.media[0].formats.at(0).encoding, "x-data");
  EXPECT_EQ(d.media[0].attributes.size(), 2U);
  EXPECT_EQ(d.media[1].protocol_text, "sip");
  EXPECT_EQ(d.media[2].kind, MediaKind::kApplication);
  EXPECT_THAT(serialise(d), HasSubstr("m=application 5070 UDP/BFCP *\r\n"));
}

TEST(Reader, SessionDirectionHoldsWhereALineHasNone) {
  const auto d = good(with_head("a=inactive\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 34\r\na=recvonly\r\n"));
  EXPECT_EQ(d.media[0].direction, Direction::kInactive);
  EXPECT_EQ(d.media[1].direction, Direction::kRecvOnly);
}

// Each bound: at it and one beyond.
struct Bound {
  const char* name;
  std::size_t limit;
  std::function<std::string(std::size_t)> text;
};

TEST(Reader, EveryBoundHoldsAtItAndFailsBeyond) {
  const std::string audio = "m=audio 4000 RTP/AVP 0\r\n";
  const Bound bounds[] = {
      {"media sections", kMaxMediaSections,
       [&](std::size_t n) { return with_head(repeated(n, [&](std::size_t) { return audio; })); }},
      {"candidates", kMaxCandidates,
       [&](std::size_t n) {
         // What is left out counts too: damaged, IPv4 where IPv6 belongs, the older grammar.
         return with_head(audio + repeated(n, [](std::size_t i) {
                            const char* lines[] = {"a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n",
                                                   "a=candidate:x\r\n",
                                                   "a=x-candidate-ipv6:1 1 UDP 1 192.0.2.1 4000 typ host\r\n",
                                                   "a=candidate:user 1 password UDP 0.830 192.0.2.1 4000\r\n"};
                            return std::string(lines[i % 4]);
                          }));
       }},
      {"payload types", kMaxPayloadTypes,
       [&](std::size_t n) {
         return with_head("m=audio 4000 RTP/AVP" + repeated(n, [](std::size_t i) { return " " + std::to_string(i); }) +
                          "\r\n");
       }},
      {"line", kMaxLineBytes,
       [&](std::size_t n) { return with_head(audio + "a=" + std::string(n - 2, 'x') + "\r\n"); }},
      {"description", kMaxSdpBytes,
       [&](std::size_t n) {
         std::string text = with_head(audio);
         while (n - text.size() > 4000) text += "a=" + std::string(1000, 'x') + "\r\n";
         while (n - text.size() > 2000) text += "a=" + std::string(1000, 'x') + "\r\n";
         return text + "a=" + std::string(n - text.size() - 4, 'x') + "\r\n";
       }},
      {"crypto lines", kMaxCryptoLines,
       [&](std::size_t n) {
         return with_head(audio + repeated(n, [](std::size_t i) {
                            return "a=crypto:" + std::to_string(i + 1) +
                                   " AES_CM_128_HMAC_SHA1_80 inline:Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB\r\n";
                          }));
       }},
      {"feedback lines", kMaxFeedbackLines,
       [&](std::size_t n) {
         return with_head(audio + repeated(n, [](std::size_t) { return std::string("a=rtcp-fb:* nack\r\n"); }));
       }},
      {"bandwidth lines", kMaxBandwidthLines,
       [&](std::size_t n) {
         return with_head(audio + repeated(n, [](std::size_t) { return std::string("b=AS:1\r\n"); }));
       }},
      {"other attributes", kMaxOtherAttributes,
       [&](std::size_t n) {
         return with_head(audio + repeated(n, [](std::size_t) { return std::string("a=x:1\r\n"); }));
       }},
      {"session attributes", kMaxOtherAttributes,
       [&](std::size_t n) {
         return with_head(repeated(n, [](std::size_t) { return std::string("a=x:1\r\n"); }) + audio);
       }},
  };
  for (const Bound& bound : bounds) {
    EXPECT_TRUE(parse(bound.text(bound.limit)).has_value()) << bound.name;
    const auto beyond = parse(bound.text(bound.limit + 1));
    ASSERT_FALSE(beyond.has_value()) << bound.name;
    EXPECT_EQ(beyond.error().kind, ErrorKind::kExhausted) << bound.name;
  }
}

TEST(Reader, ATagTwiceIsLeftOut) {
  RepairCounts repairs;
  const auto d =
      good(with_head("m=audio 4000 RTP/SAVP 0\r\n"
                     "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB\r\n"
                     "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB\r\n"),
           &repairs);
  EXPECT_EQ(d.media[0].crypto.size(), 1U);
  EXPECT_EQ(repairs[Repair::kDamagedCrypto], 1U);
}

TEST(Reader, KeysWithoutAPlaceAreDropped) {
  const auto d = good(with_head(
      "k=base64:c2VjcmV0\r\na=crypto:1 X inline:c2VjcmV0\r\nm=audio 4000 RTP/SAVP 0\r\nk=clear:secret\r\n"
      "a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^31|1:1\r\na=key-mgmt:mikey c2VjcmV0\r\n"));
  EXPECT_THAT(serialise(d), Not(HasSubstr("c2VjcmV0")));
  EXPECT_THAT(serialise(d), Not(HasSubstr("secret")));
}

std::string sample(const std::string& name) {
  std::ifstream file(std::string(ISTHMUS_TEST_DATA) + "/sdp/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Reader, ContradictionsAndDamageAreCountedAndLeftOut) {
  RepairCounts repairs;
  const auto d = good(sample("contradictions.sdp"), &repairs);
  const MediaSection& audio = d.media.at(0);
  EXPECT_EQ(audio.label, "main-video");  // the first holds
  EXPECT_EQ(audio.source, "main-audio");
  EXPECT_EQ(audio.ssrc_range, (SsrcRange{0, 4294967295}));  // a range, whatever its size
  ASSERT_EQ(audio.crypto.size(), 2U);
  EXPECT_EQ(audio.crypto[0].suite, CryptoSuite::kUnknown);
  EXPECT_EQ(audio.crypto[1].tag, 4U);
  EXPECT_EQ(audio.encryption, EncryptionWish::kOptional);
  EXPECT_FALSE(audio.has_ice());
  EXPECT_EQ(repairs[Repair::kDamagedCrypto], 4U);
  EXPECT_EQ(repairs[Repair::kDamagedAttribute], 8U);
}

TEST(Reader, TwoHundredCandidatesAreRefusedClearly) {
  const auto bad = parse(with_head("m=audio 4000 RTP/AVP 0\r\n" + repeated(200, [](std::size_t i) {
                                     return "a=candidate:1 1 UDP " + std::to_string(i) + " 192.0.2.1 4000 typ host\r\n";
                                   })));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::kExhausted);
  EXPECT_THAT(bad.error().message, HasSubstr("a=candidate"));
}

TEST(Reader, ReadsRealPeers) {
  struct Row {
    const char* file;
    std::size_t sections;
    std::size_t crypto;  ///< usable lines of the first section
    const char* codec;   ///< first of the first section
  };
  const Row rows[] = {
      {"baresip-offer-srtp.sdp", 2, 1, "PCMU"},
      {"baresip-answer-clear.sdp", 2, 0, "PCMU"},
      {"linphone-offer-srtp.sdp", 2, 4, "opus"},
      {"lync2013-offer.sdp", 2, 2, "G722"},
      {"lync2013-fallback.sdp", 1, 2, "G722"},
      {"lync2013-fallback-stub.sdp", 1, 0, ""},
      {"lync2013-answer.sdp", 2, 1, "G722"},
      {"lync2013-share-offer.sdp", 1, 2, "x-data"},
      {"sipe-offer.sdp", 2, 1, "SIREN"},
      {"room-system-offer.sdp", 4, 0, "MP4A-LATM"},
      {"chrome-bundle-offer.sdp", 2, 0, ""},
      {"lync2010-offer.sdp", 3, 2, "x-msrta"},
      {"lync2016-offer.sdp", 3, 2, "G722"},
      {"lync2013-candidate-offer.sdp", 1, 1, "G722"},
      {"sipe-stub.sdp", 1, 0, ""},
      {"sipe-v6-offer.sdp", 1, 1, "SIREN"},
      {"sipe-answer.sdp", 2, 1, "G722"},
      {"contradictions.sdp", 1, 1, "G722"},
  };
  for (const Row& row : rows) {
    const auto d = good(sample(row.file));
    ASSERT_EQ(d.media.size(), row.sections) << row.file;
    std::size_t usable = 0;
    for (const auto& crypto : d.media[0].crypto) usable += crypto.is_usable() ? 1 : 0;
    EXPECT_EQ(usable, row.crypto) << row.file;
    if (!d.media[0].formats.empty()) {
      EXPECT_EQ(d.media[0].formats[0].encoding, row.codec) << row.file;
    }
    EXPECT_EQ(good(serialise(d)), d) << row.file;
  }
}

}  // namespace
}  // namespace isthmus::sdp
