// A call between the dialects, over descriptions of real peers with lines lost, doubled and swapped: nothing of one
// side's language reaches the other, and what is written is read again the same.

#include <gtest/gtest.h>

#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::media::testing {
namespace {

constexpr int kCalls = 2000;

/// In no description for a standards peer.
constexpr const char* kMicrosoftOnly[] = {
    "x-",       "X-H264UC",    "mst-mode",  "SIREN",        "SILK",   "RED/",        "msrta",   "rtvc1",
    "ulpfecuc", "cryptoscale", "a=label",   "a=encryption", "a=ice-", "a=candidate", "remote-", "TCP-",
    "b=CT",     "99980",       "s=session", "devicecaps",   "main-",  "send:",       "recv:",   "|1:1",
    "|2^31",    "main-video",  "0-16",      "AAL2",         "bypass", "rtcp-rsize",  "RAW/",    "x-data",
};
/// In no description for a Microsoft peer.
constexpr const char* kStandardsOnly[] = {
    "private",     "H264/",        "profile-level-id",
    "sprop",       "imageattr",    "a=content",
    "a=group",     "a=mid",        "nack",
    "ccm",         "tmmbr",        "a=extmap",
    "max-fs",      "max-mbps",     "MP4A",
    "opus",        "speex",        "b=AS",
    "b=TIAS",      "BFCP",         "floor",
    "fingerprint", "a=setup",      "a=ssrc:",
    "a=msid",      "rtcp-xr",      "trr-int",
    "VP8",         "useinbandfec", "a=sendrecv",
    "AEAD",        "SHA1_32",
};

/// Drawn keys, names and ids may spell anything.
std::string without_drawn_text(const std::string& text) {
  std::string out;
  std::stringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("o=")) continue;
    for (const char* mark : {"inline:", "a=ice-ufrag:", "a=ice-pwd:"}) {
      const std::size_t at = line.find(mark);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + std::string_view(mark).size();
      line.erase(begin, line.find_first_of("|\r", begin) - begin);
    }
    out += line + "\n";
  }
  return out;
}

class Peer {
 public:
  Peer(std::vector<std::string> offers, RandomSource& random) : offers_(std::move(offers)), random_(random) {}

  /// One of the descriptions with some lines lost, doubled or swapped; never o= and m=, so that it stays one.
  std::string offer() {
    std::vector<std::string> lines = split(offers_[random_.below(static_cast<std::uint32_t>(offers_.size()))]);
    for (std::uint32_t changes = random_.below(5); changes > 0; --changes) {
      const std::size_t at = pick(lines.size());
      const std::size_t with = pick(lines.size());
      if (is_fixed(lines[at]) || is_fixed(lines[with])) continue;
      switch (random_.below(3)) {
        case 0: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at)); break;
        case 1: lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), lines[with]); break;
        default: std::swap(lines[at], lines[with]); break;
      }
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\r\n";
    return text;
  }

 private:
  static bool is_fixed(const std::string& line) { return line.size() < 2 || line[0] == 'm' || line[0] == 'o'; }
  std::size_t pick(std::size_t bound) { return random_.below(static_cast<std::uint32_t>(bound)); }
  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> lines;
    std::stringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) lines.push_back(line);
    }
    return lines;
  }

  std::vector<std::string> offers_;
  RandomSource& random_;
};

void check_written(const LegSettings& settings, const sdp::SessionDescription& description) {
  const bool is_microsoft = settings.dialect == Dialect::kMicrosoft;
  const std::string text = sdp::serialise(description, settings.dialect);
  // Lines that are refused repeat the words of this leg's own peer (RFC 3264 6).
  sdp::SessionDescription active = description;
  std::erase_if(active.media, [](const sdp::MediaSection& section) { return !section.is_active(); });
  const std::string said = sdp::serialise(active, settings.dialect);
  const std::string plain = without_drawn_text(said);
  const auto check = [&](const auto& tokens) {
    for (const char* token : tokens) EXPECT_EQ(plain.find(token), std::string::npos) << token << "\n" << plain;
  };
  if (is_microsoft) {
    check(kStandardsOnly);
  } else {
    check(kMicrosoftOnly);
  }
  const auto back = sdp::parse(text);
  ASSERT_TRUE(back.has_value()) << text;
  EXPECT_EQ(*back, description) << text;
  if (!is_microsoft) return;
  for (const sdp::MediaSection& section : active.media) {
    EXPECT_TRUE(section.label && section.source == section.label && section.ssrc_range && section.rtcp_rsize) << text;
    EXPECT_LE(section.crypto.size(), 1U);
    EXPECT_EQ(section.candidates.empty(), !section.has_ice());
    if (section.kind == sdp::MediaKind::kVideo) {
      EXPECT_EQ(section.formats.size(), 1U);
    }
  }
}

TEST(Dialects, NothingOfOneReachesTheOther) {
  SeededRandom random(20261128);
  const std::vector<std::string> microsoft = {sample("lync2013-offer.sdp"), sample("sipe-offer.sdp"),
                                              sample("lync2016-offer.sdp"), lync_offer()};
  std::vector<std::string> standards = {sample("baresip-offer-srtp.sdp"), sample("linphone-offer-srtp.sdp"),
                                        sample("room-system-offer.sdp"), room_offer()};
  int completed = 0;
  for (int i = 0; i < kCalls && !::testing::Test::HasFailure(); ++i) {
    const Side microsoft_side = random.below(2) == 0 ? Side::kA : Side::kB;
    std::array<LegSettings, 2> legs;
    legs[contract::index(microsoft_side)] =
        microsoft_leg(random.below(2) == 0 ? EncryptionMode::kAuto : EncryptionMode::kRequired);
    legs[contract::index(other(microsoft_side))] =
        leg(static_cast<EncryptionMode>(random.below(3)), random.below(2) == 0);
    Peer client(microsoft, random);
    Peer room(standards, random);
    CallMedia media = begin(legs[0], legs[1], random);
    for (int round = 0; round < 3; ++round) {
      const Side from = round == 0 || random.below(2) == 0 ? Side::kA : Side::kB;
      Peer& offerer = from == microsoft_side ? client : room;
      const auto offer = sdp::parse(offerer.offer());
      if (!offer || offer->media.size() < media.leg[contract::index(from)].lines.size()) break;
      auto taken = accept_offer(media, from, *offer, random);
      if (!taken) break;
      auto asked = make_offer(opened(std::move(*taken)), other(from), random);
      if (!asked) break;
      check_written(legs[contract::index(other(from))], asked->description);
      CallMedia now = asked->media;
      if (asked->changed) {
        const std::string answer = other(from) == microsoft_side
                                       ? lync_answer(asked->description)
                                       : room_answer(asked->description, random.below(2) == 0 ? crypto(1) : "");
        auto agreed = accept_answer(std::move(asked->media), other(from), parsed(answer));
        if (!agreed) break;
        now = std::move(*agreed);
      }
      auto told = make_answer(std::move(now), from);
      ASSERT_TRUE(told.has_value()) << told.error().text;
      check_written(legs[contract::index(from)], told->description);
      ASSERT_EQ(told->description.media.size(), offer->media.size());
      media = std::move(told->media);
      ++completed;
    }
  }
  EXPECT_GT(completed, kCalls / 2);
}

}  // namespace
}  // namespace isthmus::media::testing
