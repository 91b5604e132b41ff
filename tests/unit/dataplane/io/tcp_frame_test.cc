// RFC 4571 framing, however the stream comes in pieces.

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/io/tcp/frame_cutter.h"

namespace isthmus::io::tcp {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets packet(std::size_t size, std::uint8_t fill) { return Octets(size, fill); }

void append(Octets& stream, const Octets& one) {
  stream.push_back(static_cast<std::uint8_t>(one.size() >> 8U));
  stream.push_back(static_cast<std::uint8_t>(one.size()));
  stream.insert(stream.end(), one.begin(), one.end());
}

Octets stream_of(const std::vector<Octets>& packets) {
  Octets stream;
  for (const Octets& one : packets) append(stream, one);
  return stream;
}

struct Taken {
  FrameCutter cutter;
  std::vector<Octets> packets;
  void feed(Bytes bytes) {
    cutter.feed(bytes, [this](Bytes one) {
      packets.emplace_back(one.begin(), one.end());
      return true;
    });
  }
};

TEST(FrameCutter, CutsWhereverTheStreamIsSplit) {
  const std::vector<Octets> packets{packet(1, 1), packet(255, 2), packet(256, 3), packet(kMaxFrameBytes, 4)};
  const Octets stream = stream_of(packets);
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    Taken taken;
    taken.feed(Bytes(stream).first(at));
    taken.feed(Bytes(stream).subspan(at));
    ASSERT_EQ(taken.packets, packets) << "split at " << at;
    ASSERT_FALSE(taken.cutter.is_inside());
  }
}

TEST(FrameCutter, TakesATrickle) {
  const std::vector<Octets> packets{packet(3, 1), packet(700, 2)};
  const Octets stream = stream_of(packets);
  Taken taken;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    taken.feed(Bytes(stream).subspan(i, 1));
    const bool at_end = i + 1 == stream.size() || i + 1 == 5;
    ASSERT_EQ(taken.cutter.is_inside(), !at_end) << i;
  }
  EXPECT_EQ(taken.packets, packets);
}

TEST(FrameCutter, PassesOverNullPacketsAndCountsThem) {  // RFC 4571 2
  Octets stream;
  for (int i = 0; i < 1000; ++i) append(stream, {});
  append(stream, packet(2, 7));
  Taken taken;
  taken.feed(stream);
  EXPECT_EQ(taken.cutter.empty(), 1000U);
  EXPECT_EQ(taken.packets, std::vector<Octets>{packet(2, 7)});
}

TEST(FrameCutter, PassesOverWhatIsTooLongAndStaysInStep) {
  for (const std::size_t size : {kMaxFrameBytes + 1, std::size_t{65535}}) {
    const Octets stream = stream_of({packet(4, 1), packet(size, 2), packet(5, 3)});
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1460}, stream.size()}) {
      Taken taken;
      for (std::size_t at = 0; at < stream.size(); at += piece) {
        taken.feed(Bytes(stream).subspan(at, std::min(piece, stream.size() - at)));
      }
      EXPECT_EQ(taken.packets, (std::vector{packet(4, 1), packet(5, 3)}));
      EXPECT_EQ(taken.cutter.oversize(), 1U);
    }
  }
}

TEST(FrameCutter, StopsWhereItsReaderSays) {
  const Octets stream = stream_of({packet(1, 1), packet(1, 2), packet(1, 3)});
  FrameCutter cutter;
  int seen = 0;
  EXPECT_FALSE(cutter.feed(stream, [&](Bytes) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace isthmus::io::tcp
