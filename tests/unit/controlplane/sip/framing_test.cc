#include "controlplane/sip/framing.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/controlplane/sip/samples.h"

namespace isthmus::sip {
namespace {

using Kind = Cut::Kind;

std::vector<std::string> messages_in(StreamFramer& framer) {
  std::vector<std::string> found;
  while (true) {
    const Cut cut = framer.next();
    if (cut.kind != Kind::kMessage) return found;
    found.emplace_back(cut.bytes);
  }
}

TEST(StreamFramer, CutsPipelinedMessages) {
  const std::string one = samples::invite();
  const std::string two = samples::invite("SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKx", {}, "v=0\r\n\r\nbody");
  StreamFramer framer;
  framer.append(one + two + one.substr(0, 20));
  EXPECT_EQ(messages_in(framer), (std::vector<std::string>{one, two}));
  EXPECT_TRUE(framer.is_inside_message());
  framer.append(one.substr(20));
  EXPECT_EQ(messages_in(framer), (std::vector<std::string>{one}));
  EXPECT_FALSE(framer.is_inside_message());
}

TEST(StreamFramer, PiecesOfAnySizeGiveTheSame) {
  const std::string one = samples::invite("SIP/2.0/TCP h;branch=z9hG4bKx", {}, "\r\n\r\nbody\r\n");
  const std::string stream = one + "\r\n" + one + "\r\n\r\n" + one;
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    StreamFramer framer;
    std::vector<std::string> found;
    int pings = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = round == 0 ? 1 : 1 + random() % 40;
      framer.append(std::string_view(stream).substr(at, size));
      at += size;
      for (Cut cut = framer.next(); cut.kind != Kind::kNeedMore; cut = framer.next()) {
        ASSERT_NE(cut.kind, Kind::kBroken);
        if (cut.kind == Kind::kMessage) found.emplace_back(cut.bytes);
        pings += cut.kind == Kind::kPing ? 1 : 0;
      }
    }
    ASSERT_EQ(found, (std::vector<std::string>{one, one, one}));
    ASSERT_EQ(pings, 1);
  }
}

TEST(StreamFramer, AnswersAPingOnlyBetweenMessages) {
  StreamFramer framer;
  framer.append("\r\n\r");
  EXPECT_EQ(framer.next().kind, Kind::kNeedMore);
  EXPECT_FALSE(framer.is_inside_message());
  framer.append("\n");
  EXPECT_EQ(framer.next().kind, Kind::kPing);
  EXPECT_EQ(framer.next().kind, Kind::kNeedMore);
}

TEST(StreamFramer, ContentLengthMayBeCompactAndFolded) {
  const std::string text = "BYE sip:a@b SIP/2.0\r\nl :\r\n  4\r\n\r\nbodyBYE";
  StreamFramer framer;
  framer.append(text);
  EXPECT_EQ(messages_in(framer), (std::vector<std::string>{text.substr(0, text.size() - 3)}));
}

TEST(StreamFramer, ABadHeaderLineLosesNoFraming) {
  const std::string text = "BYE sip:a@b SIP/2.0\r\nthis is no header\r\nContent-Length: 0\r\n\r\n";
  StreamFramer framer;
  framer.append(text);
  EXPECT_EQ(messages_in(framer), (std::vector<std::string>{text}));
}

struct Broken {
  const char* name;
  std::string bytes;
  std::uint16_t status;
};

TEST(StreamFramer, GivesUpWhereNobodyCanSayWhereTheNextMessageStarts) {
  const std::string start = "BYE sip:a@b SIP/2.0\r\n";
  const std::vector<Broken> cases = {
      {"no Content-Length", start + "Via: SIP/2.0/TCP h\r\n\r\n", 400},
      {"two that differ", start + "Content-Length: 1\r\nl: 2\r\n\r\n", 400},
      {"no number", start + "Content-Length: x\r\n\r\n", 400},
      {"negative", start + "Content-Length: -1\r\n\r\n", 400},
      {"too large a number", start + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"HTTP", "GET / HTTP/1.1\r\n", 400},
      {"TLS handshake", std::string("\x16\x03\x01\x02\x00", 5), 400},
      {"text after a line end", "\r\n\x01", 400},
      {"start line that begins with no token", "\x8A a@b SIP/2.0\r\n", 400},
      {"line end and a lone carriage return", "\r\n\rX", 400},
      {"only carriage returns", "\r\r\r\r", 400},
  };
  for (const Broken& test : cases) {
    StreamFramer framer;
    framer.append(test.bytes);
    const Cut cut = framer.next();
    EXPECT_EQ(cut.kind, Kind::kBroken) << test.name;
    EXPECT_EQ(cut.refusal.status, test.status) << test.name;
    framer.append(samples::invite());
    EXPECT_EQ(framer.next().kind, Kind::kNeedMore) << test.name;  // nothing more comes out
  }
}

TEST(StreamFramer, TwoEqualContentLengthsAreOne) {
  StreamFramer framer;
  framer.append("BYE sip:a@b SIP/2.0\r\nContent-Length: 0\r\nl: 0\r\n\r\n");
  EXPECT_EQ(framer.next().kind, Kind::kMessage);
}

std::string head_of(std::size_t start_line, std::size_t block) {
  std::string text = "BYE sip:a@b SIP/2.0";
  text.insert(5, start_line - text.size(), 'a');
  text += "\r\nContent-Length: 0\r\n";
  while (block - text.size() > 2'000) text += "X: " + std::string(1'000, 'x') + "\r\n";
  text += "X: " + std::string(block - text.size() - 7, 'x') + "\r\n\r\n";
  return text;
}

TEST(StreamFramer, StartLineBound) {
  StreamFramer at;
  at.append(head_of(kMaxStartLineBytes, 10'000));
  EXPECT_EQ(at.next().kind, Kind::kMessage);
  StreamFramer past;
  past.append(head_of(kMaxStartLineBytes + 1, 10'000));
  const Cut cut = past.next();
  EXPECT_EQ(cut.kind, Kind::kBroken);
  EXPECT_EQ(cut.refusal.status, 414);
  StreamFramer endless;
  endless.append("INVITE sip:" + std::string(kMaxStartLineBytes, 'a'));
  EXPECT_EQ(endless.next().kind, Kind::kBroken);
}

TEST(StreamFramer, HeaderBlockBound) {
  const std::string at = head_of(100, kMaxHeaderBlockBytes);
  ASSERT_EQ(at.size(), kMaxHeaderBlockBytes);
  StreamFramer framer;
  framer.append(at);
  EXPECT_EQ(framer.next().kind, Kind::kMessage);
  StreamFramer past;
  past.append(head_of(100, kMaxHeaderBlockBytes + 1));
  const Cut cut = past.next();
  EXPECT_EQ(cut.kind, Kind::kBroken);
  EXPECT_EQ(cut.refusal.status, 513);
  EXPECT_EQ(cut.bytes.size(), kMaxHeaderBlockBytes);
}

TEST(StreamFramer, MessageBoundIsAnsweredAndSkipped) {
  const std::string head = "BYE sip:a@b SIP/2.0\r\nContent-Length: ";
  const std::size_t digits = 6;
  const std::size_t body = kMaxMessageBytes - head.size() - digits - 4;
  StreamFramer at;
  at.append(head + std::to_string(body) + "\r\n\r\n" + std::string(body, 'x'));
  EXPECT_EQ(at.next().kind, Kind::kMessage);

  StreamFramer past;
  past.append(head + std::to_string(body + 1) + "\r\n\r\n" + std::string(1'000, 'x'));
  const Cut cut = past.next();
  EXPECT_EQ(cut.kind, Kind::kOversize);
  EXPECT_EQ(cut.refusal.status, 413);
  EXPECT_TRUE(past.is_inside_message());
  past.append(std::string(body + 1 - 1'000, 'x') + samples::invite());
  EXPECT_EQ(messages_in(past), (std::vector<std::string>{samples::invite()}));
}

TEST(StreamFramer, ABodyThatIsNotWorthSkippingEndsTheConnection) {
  StreamFramer at;
  at.append("BYE sip:a@b SIP/2.0\r\nContent-Length: " + std::to_string(kMaxSkippedBytes) + "\r\n\r\n");
  EXPECT_EQ(at.next().kind, Kind::kOversize);
  StreamFramer past;
  past.append("BYE sip:a@b SIP/2.0\r\nContent-Length: " + std::to_string(kMaxSkippedBytes + 1) + "\r\n\r\n");
  EXPECT_EQ(past.next().kind, Kind::kBroken);
}

}  // namespace
}  // namespace isthmus::sip
