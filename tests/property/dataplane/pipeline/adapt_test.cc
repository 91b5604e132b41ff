// Any sequence of packets with video inside, right or wrong, in order or not, both ways: the books balance, no buffer
// is lost, no packet is larger than it may be, nothing Microsoft reaches the standards peer. And where nothing is lost
// on the way in: numbers without holes, slices bit-exact and in order.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/pipeline/video.h"

namespace isthmus::test {
namespace {

const Payload kSps{0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a};
const Payload kPps{0x68, 0xce, 0x3c, 0x80};
const Payload kPacsi{0x7e, 0x80, 0x80, 0x07, 0x20, 0, 1};
const Payload kPrefix{0x6e, 0x80, 0x80, 0x07, 0x20};

class AdaptAnything : public testing::TestWithParam<std::uint64_t> {
 protected:
  SeededRandom random_{GetParam() * 77};
  std::size_t limit_ = 1200;

  bool chance(std::uint32_t one_in) { return random_.below(one_in) == 0; }

  std::unique_ptr<VideoBench> make() {
    limit_ = 200 + random_.below(1200);
    const auto mode = static_cast<std::uint8_t>(random_.below(2));
    return std::make_unique<VideoBench>([&](contract::StreamSpec& stream) {
      for (auto& leg : stream.leg) leg.video.max_payload_bytes = static_cast<std::uint16_t>(limit_);
      stream.leg[1].video.packetization_mode = mode;
      stream.leg[1].video.max_temporal_id = static_cast<std::uint8_t>(random_.below(3));
      if (random_.below(2) == 0) stream.leg[1].video.parameter_sets = {kSps, kPps};
    });
  }

  Payload nal(std::uint8_t header, std::uint32_t most) {
    Payload made(2 + random_.below(most));
    random_.fill(made);
    made[0] = header;
    return made;
  }

  /// One access unit as payloads; its slices are added to `sent`.
  std::vector<Payload> picture(bool microsoft, bool first, std::vector<Payload>& sent) {
    std::vector<Payload> units;
    if (microsoft && !chance(5)) units.push_back(kPacsi);
    const bool idr = first || chance(6);
    if (first || (idr && chance(2))) units.insert(units.end(), {kSps, kPps});
    const std::uint32_t slices = chance(3) ? 1 + random_.below(12) : 1;
    for (std::uint32_t i = 0; i < slices; ++i) {
      if (microsoft && chance(3)) units.push_back(kPrefix);
      units.push_back(nal(idr ? 0x65 : 0x41, chance(3) ? 4000 : 300));
      sent.push_back(units.back());
    }
    if (microsoft && chance(4)) units.push_back(kPrefix);  // the marker is on what goes
    return pack(units);
  }

  std::vector<Payload> pack(const std::vector<Payload>& units) {
    std::vector<Payload> payloads;
    const std::size_t most = 300 + random_.below(1100);
    for (std::size_t i = 0; i < units.size();) {
      std::vector<Payload> together;
      std::size_t bytes = 1;
      while (i < units.size() && bytes + 2 + units[i].size() <= most && !chance(3)) {
        bytes += 2 + units[i].size();
        together.push_back(units[i++]);
      }
      if (!together.empty()) payloads.push_back(stap(together));
      if (i == units.size()) break;
      for (Payload& part : packetise(units[i++], most)) payloads.push_back(std::move(part));
    }
    return payloads;
  }

  void check(const std::vector<VideoPacket>& got, std::size_t to) const {
    for (const VideoPacket& packet : got) {
      EXPECT_LE(packet.octets.size(), limit_);
      const unsigned type = packet.octets[0] & 0x1fU;
      if (to == 1) {
        EXPECT_NE(type, 30U);
        EXPECT_NE(type, 14U);
      }
    }
  }
};

TEST_P(AdaptAnything, GoodStreamsComeOutWhole) {
  for (std::size_t side = 0; side < 2; ++side) {
    auto bench = make();
    bench->spec.streams[0].leg[1].video.packetization_mode = 1;  // so that every slice can pass
    bench->spec.revision = 2;
    bench->state = bench->relay.update(bench->spec);
    std::vector<Payload> sent;
    std::vector<VideoPacket> got;
    auto sequence = static_cast<std::uint16_t>(random_.next_u32());
    std::uint32_t timestamp = random_.next_u32();
    for (int picture_number = 0; picture_number < 60; ++picture_number) {
      const auto payloads = picture(side == 0, picture_number == 0, sent);
      std::size_t markers = 0;
      for (std::size_t i = 0; i < payloads.size(); ++i) {
        for (VideoPacket& packet : bench->send(side, sequence++, timestamp, i + 1 == payloads.size(), payloads[i])) {
          markers += packet.marker ? 1 : 0;
          got.push_back(std::move(packet));
        }
      }
      ASSERT_EQ(markers, 1U);
      ASSERT_TRUE(got.back().marker);
      ASSERT_EQ(bench->relay.link.counters.held.get(), 0U);
      timestamp += 3000;
    }
    check(got, 1 - side);
    for (std::size_t i = 1; i < got.size(); ++i) {
      ASSERT_EQ(got[i].sequence, static_cast<std::uint16_t>(got[i - 1].sequence + 1)) << i;
    }
    EXPECT_EQ(slices(depacketise(got)), sent);
    EXPECT_TRUE(bench->clean());
  }
}

TEST_P(AdaptAnything, BadStreamsCostNothing) {
  auto bench = make();
  auto sequence = static_cast<std::uint16_t>(random_.next_u32());
  std::uint32_t timestamp = 0;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t side = random_.below(2);
    Payload octets;
    if (chance(3)) {
      octets.resize(random_.below(1300));
      random_.fill(octets);
    } else {
      std::vector<Payload> ignored;
      const auto payloads = picture(chance(2), chance(9), ignored);
      octets = payloads[random_.below(static_cast<std::uint32_t>(payloads.size()))];
      if (!octets.empty() && chance(4)) octets.resize(random_.below(static_cast<std::uint32_t>(octets.size())) + 1);
    }
    if (octets.size() > 1400) octets.resize(1400);
    if (chance(8)) timestamp += 3000;
    const int jump = chance(10) ? static_cast<int>(random_.below(80)) - 40 : 1;
    sequence = static_cast<std::uint16_t>(sequence + jump);
    check(bench->send(side, sequence, timestamp, chance(5), octets), 1 - side);
    if (chance(20)) bench->relay.pass_ms(random_.below(300));
    if (chance(50)) {
      ++bench->spec.revision;
      bench->spec.streams[0].leg[random_.below(2)].send = !chance(3);
      bench->state = bench->relay.update(bench->spec);
    }
    ASSERT_TRUE(bench->relay.balanced());
    ASSERT_EQ(bench->relay.io.outstanding() >= bench->relay.link.counters.held.get(), true);
    ASSERT_LE(bench->relay.io.outstanding(), 2 * session::kMaxHeldPackets);
  }
  EXPECT_GT(bench->relay.link.counters.forwarded.get(), 200U);
  EXPECT_GT(bench->relay.dropped(DropReason::kNalMalformed), 20U);
  EXPECT_TRUE(bench->clean());
}

INSTANTIATE_TEST_SUITE_P(Seeds, AdaptAnything, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace isthmus::test
