// Laws of a call in the middle, over random offers, answers and policies.

#include <gtest/gtest.h>

#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

constexpr int kCalls = 3000;
constexpr int kExchanges = 4;

/// Writes descriptions of a peer: every choice comes from one seed.
class Peer {
 public:
  Peer(std::string ip, RandomSource& random) : ip_(std::move(ip)), random_(random) {}

  std::string offer(std::size_t at_least) {
    std::string text = head(chance(10) ? "0.0.0.0" : ip_, ++version_);
    std::size_t sections = std::max<std::size_t>(at_least, 1 + pick(4));
    for (std::size_t i = 0; i < sections; ++i) text += section(i == 0 ? "audio" : any_media());
    return text;
  }

  /// An answer to `offer`, mostly a correct one.
  std::string answer(const sdp::SessionDescription& offer) {
    std::string text = head(ip_, ++version_);
    for (const auto& m : offer.media) {
      const bool secure = !m.crypto.empty() && (is_secure(m.protocol) || chance(2));
      const std::uint32_t port = m.is_active() && !chance(8) ? 5000 + pick(1000) * 2 : 0;
      text += "m=" + m.media_text + " " + std::to_string(port) + " " +
              (m.protocol == sdp::Protocol::kOther ? m.protocol_text : std::string(to_string(m.protocol)));
      for (const auto& format : m.formats) text += " " + std::to_string(format.payload_type);
      text += m.format_text + "\r\n";
      for (const auto& format : m.formats) {
        if (format.encoding.empty()) continue;
        text += "a=rtpmap:" + std::to_string(format.payload_type) + " " + format.encoding + "/" +
                std::to_string(format.clock_hz) + (format.channels == 1 ? "" : "/" + std::to_string(format.channels)) +
                "\r\n";
      }
      if (secure)
        text += crypto(static_cast<int>(m.crypto[0].tag), chance(2) ? kKey1 : kKey2, suite_name(m.crypto[0].suite));
      text += direction();
    }
    return text;
  }

  bool chance(std::uint32_t one_in) { return random_.below(one_in) == 0; }
  std::uint32_t pick(std::uint32_t bound) { return random_.below(bound); }

 private:
  std::string any_media() {
    constexpr const char* kMedia[] = {"audio", "video", "video", "application", "text", "applicationsharing"};
    return kMedia[pick(6)];
  }
  std::string direction() {
    constexpr const char* kLines[] = {"", "a=sendonly\r\n", "a=recvonly\r\n", "a=inactive\r\n", "a=sendrecv\r\n"};
    return kLines[pick(5)];
  }
  std::string section(const std::string& media) {
    const std::string port = std::to_string(chance(6) ? 0 : 4000 + pick(1000) * 2);
    if (media == "application") return "m=application " + port + " UDP/BFCP *\r\n";
    if (media == "applicationsharing") return "m=applicationsharing " + port + " TCP/RTP/SAVP 127\r\n";
    constexpr const char* kProfiles[] = {"RTP/AVP", "RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF"};
    const std::string profile = kProfiles[pick(5)];
    const std::string first = std::to_string(96 + pick(4));
    std::string text = "m=" + media + " " + port + " " + profile;
    if (media == "video") {
      text += " " + first + " 34\r\na=rtpmap:" + first + " H264/90000\r\n";
      if (chance(2)) text += "a=fmtp:" + first + " packetization-mode=1\r\n";
    } else {
      text += " " + first + " 0 8 101\r\na=rtpmap:" + first + (chance(2) ? " opus/48000/2" : " G722/8000") +
              "\r\na=rtpmap:101 telephone-event/8000\r\n";
    }
    if (profile.find("SAVP") != std::string::npos || chance(3)) {
      text += crypto(1, chance(2) ? kKey1 : kKey2);
      if (chance(2)) text += crypto(2, kKey1, "AES_CM_128_HMAC_SHA1_32");
    }
    if (chance(5)) text += "a=rtcp-mux\r\n";
    return text + direction();
  }

  std::string ip_;
  RandomSource& random_;
  int version_ = 0;
};

LegSettings random_leg(Peer& dice) {
  constexpr EncryptionMode kModes[] = {EncryptionMode::kOff, EncryptionMode::kAuto, EncryptionMode::kAuto,
                                       EncryptionMode::kRequired};
  LegSettings settings = leg(kModes[dice.pick(4)], dice.chance(2));
  settings.policy.keys_over_clear = dice.chance(4);
  settings.policy.best_effort_form = dice.chance(2) ? BestEffortForm::kSavp : BestEffortForm::kAvpWithCrypto;
  settings.policy.offer_rtcp_mux = dice.chance(3);
  return settings;
}

class Laws {
 public:
  // What holds for everything that we write on a leg.
  void check_written(const CallMedia& media, Side side, const sdp::SessionDescription& description) {
    const LegSettings& settings = media.leg[contract::index(side)].settings;
    const std::string text = sdp::serialise(description);
    // Keys: none on a link that may not carry them, none where encryption is off, none of a peer, none twice.
    if (!settings.keys_allowed() || settings.policy.encryption == EncryptionMode::kOff) {
      EXPECT_EQ(text.find("inline:"), std::string::npos) << text;
    }
    EXPECT_EQ(text.find(kKey1), std::string::npos) << text;
    EXPECT_EQ(text.find(kKey2), std::string::npos) << text;
    EXPECT_EQ(sdp::to_log(description).find("inline:") == std::string::npos, text.find("inline:") == std::string::npos);
    for (const auto& section : description.media) {
      if (section.is_active() && settings.policy.encryption == EncryptionMode::kRequired) {
        EXPECT_FALSE(section.crypto.empty());
      }
      if (is_secure(section.protocol) && section.is_active()) {
        EXPECT_FALSE(section.crypto.empty()) << text;
      }
      EXPECT_TRUE(section.is_active() ? !section.formats.empty() : section.crypto.empty());
    }
    const auto back = sdp::parse(text);
    ASSERT_TRUE(back.has_value()) << text;
    EXPECT_EQ(*back, description) << text;
  }

  // What holds for what the data plane is told.
  void check_spec(const CallMedia& media) {
    const auto spec = session_spec(media, contract::SessionId{1}, 1);
    EXPECT_LE(spec.streams.size(), contract::kMaxStreams);
    for (std::size_t i = 0; i < spec.streams.size(); ++i) {
      const auto& stream = spec.streams[i];
      EXPECT_EQ(stream.leg[0].receive, stream.leg[1].send);
      EXPECT_EQ(stream.leg[1].receive, stream.leg[0].send);
      EXPECT_EQ(stream.a_to_b.size(), stream.b_to_a.size());
      EXPECT_LE(stream.a_to_b.size(), contract::kMaxPayloadMaps);
      for (const auto& own : stream.leg) {
        EXPECT_EQ(own.send_key.has_value(), own.receive_key.has_value());
        if (own.send) {
          EXPECT_TRUE(own.remote_rtp.has_value());
        }
        if (own.send_key) {
          EXPECT_FALSE(own.send_key->master_key == own.receive_key->master_key);
        }
      }
      if (stream.leg[0].send || stream.leg[0].receive) {
        EXPECT_FALSE(stream.a_to_b.empty());
      }
      for (const auto* maps : {&stream.a_to_b, &stream.b_to_a}) {
        std::array<bool, 128> seen{};
        for (const auto& map : *maps) {
          EXPECT_FALSE(seen[map.from]);
          seen[map.from] = true;
        }
      }
      if (stream.leg[0].send_key && stream.leg[1].send_key) {
        EXPECT_FALSE(stream.leg[0].send_key->master_key == stream.leg[1].send_key->master_key);
      }
    }
  }
};

TEST(OfferAnswer, LawsHoldOverRandomCalls) {
  SeededRandom random(20261123);
  Laws laws;
  int completed = 0;
  for (int i = 0; i < kCalls && !::testing::Test::HasFailure(); ++i) {
    Peer a("192.0.2.10", random);
    Peer b("198.51.100.5", random);
    CallMedia media = begin(random_leg(a), random_leg(b), random);
    for (int round = 0; round < kExchanges; ++round) {
      const Side from = a.chance(2) || round == 0 ? Side::kA : Side::kB;
      Peer& offerer = from == Side::kA ? a : b;
      Peer& answerer = from == Side::kA ? b : a;
      const auto offer = parsed(offerer.offer(media.leg[contract::index(from)].lines.size()));
      if (offer.media.size() < media.leg[contract::index(from)].lines.size()) break;
      auto taken = accept_offer(media, from, offer, random);
      if (!taken) break;
      auto asked = make_offer(opened(std::move(*taken)), other(from), random);
      if (!asked) break;
      laws.check_written(asked->media, other(from), asked->description);
      CallMedia now = asked->media;
      if (asked->changed) {
        const auto answer = parsed(answerer.answer(asked->description));
        auto agreed = accept_answer(std::move(asked->media), other(from), answer);
        if (!agreed) break;
        now = std::move(*agreed);
      }
      auto told = make_answer(std::move(now), from);
      ASSERT_TRUE(told.has_value()) << told.error().text;
      laws.check_written(told->media, from, told->description);
      ASSERT_EQ(told->description.media.size(), offer.media.size());
      for (std::size_t m = 0; m < offer.media.size(); ++m) {
        const auto& asked_line = offer.media[m];
        const auto& told_line = told->description.media[m];
        EXPECT_EQ(told_line.media_text, asked_line.media_text);
        if (!asked_line.is_active()) {
          EXPECT_FALSE(told_line.is_active());
        }
        if (!told_line.is_active()) continue;
        EXPECT_EQ(told_line.protocol, asked_line.protocol);
        EXPECT_LE(told_line.crypto.size(), 1U);
        EXPECT_TRUE(!sends(told_line.direction) || receives(asked_line.direction));
      }
      media = std::move(told->media);
      laws.check_spec(media);
      ++completed;
    }
  }
  EXPECT_GT(completed, kCalls / 3);  // the laws were put to the test
}

}  // namespace
}  // namespace isthmus::media::testing
