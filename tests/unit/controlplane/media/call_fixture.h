#pragma once

// A call of two legs for tests: what each zone says, descriptions as text, ports as the data plane would draw them.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "controlplane/media/negotiation.h"
#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace isthmus::media::testing {

inline constexpr std::string_view kKey1 = "Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB";
inline constexpr std::string_view kKey2 = "7+x3KPk/4t2J7XOjKigX00cH2f5b3ovxKdehqtjJ";

inline sdp::SessionDescription parsed(std::string_view text) {
  auto description = sdp::parse(text);
  EXPECT_TRUE(description.has_value()) << (description ? "" : to_string(description.error()));
  return description ? std::move(*description) : sdp::SessionDescription{};
}

inline std::string head(std::string_view ip, int version = 1) {
  return "v=0\r\no=- 77 " + std::to_string(version) + " IN IP4 " + std::string(ip) + "\r\ns=-\r\nc=IN IP4 " +
         std::string(ip) + "\r\nt=0 0\r\n";
}
inline std::string audio(int port, std::string_view profile = "RTP/AVP", std::string_view more = "") {
  return "m=audio " + std::to_string(port) + " " + std::string(profile) +
         " 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
         "a=fmtp:101 0-15\r\n" +
         std::string(more);
}
inline std::string video(int port, std::string_view profile = "RTP/AVP", std::string_view more = "") {
  return "m=video " + std::to_string(port) + " " + std::string(profile) +
         " 99\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 profile-level-id=42E01F;packetization-mode=1\r\n" +
         std::string(more);
}
inline std::string crypto(int tag, std::string_view key = kKey1, std::string_view suite = "AES_CM_128_HMAC_SHA1_80") {
  return "a=crypto:" + std::to_string(tag) + " " + std::string(suite) + " inline:" + std::string(key) + "\r\n";
}

inline LegSettings leg(EncryptionMode mode, bool tls) {
  LegSettings settings;
  settings.policy.encryption = mode;
  settings.signalling_is_tls = tls;
  settings.network = "lan";
  return settings;
}
inline LegSettings clear_leg() { return leg(EncryptionMode::kOff, false); }
inline LegSettings secure_leg() { return leg(EncryptionMode::kRequired, true); }

/// Ports as a data plane gives them: 10.0.0.1 towards A, 10.0.0.2 towards B, even and next; none changes. `tcp`: the
/// legs that may become ones over TCP have that port as well.
inline CallMedia opened(CallMedia media, bool tcp = false) {
  contract::SessionState state;
  for (std::size_t i = 0; i < media.streams.size(); ++i) {
    contract::StreamState stream;
    for (const Side side : {Side::kA, Side::kB}) {
      auto& own = stream.leg[contract::index(side)];
      const auto ip = IpAddress::v4(10, 0, 0, side == Side::kA ? 1 : 2);
      const auto port = static_cast<std::uint16_t>(56000 + 4 * i + 2 * contract::index(side));
      own.local_rtp = {ip, port};
      const StreamLeg& leg = media.streams[i].leg[contract::index(side)];
      own.local_rtcp = {ip, static_cast<std::uint16_t>(tcp && leg.is_over_tcp() ? port : port + 1)};
      own.takes_tcp = tcp && leg.undecided;
      own.ssrc = static_cast<std::uint32_t>(1000 + 10 * i + contract::index(side));
    }
    state.streams.push_back(stream);
  }
  return with_ports(std::move(media), state);
}

template <typename T>
T take(Outcome<T> outcome) {
  EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().text);
  if (!outcome) throw std::runtime_error("refused: " + outcome.error().text);
  return std::move(*outcome);
}

/// A whole exchange; what each side was told stays to be looked at.
class Call {
 public:
  Call(LegSettings a, LegSettings b) : random(7), media(begin(std::move(a), std::move(b), random)) {}

  /// `from` offers `text`; returns the offer to the other side.
  sdp::SessionDescription offer(Side from, std::string_view text) {
    media = opened(take(accept_offer(std::move(media), from, parsed(text), random)), tcp);
    Written written = take(make_offer(std::move(media), other(from), random));
    media = std::move(written.media);
    asked = written.changed;
    return written.description;
  }
  /// `from` answers; returns the answer to the other side.
  sdp::SessionDescription answer(Side from, std::string_view text) {
    media = take(accept_answer(std::move(media), from, parsed(text)));
    return answer_only(other(from));
  }
  sdp::SessionDescription answer_only(Side to) {
    Written written = take(make_answer(std::move(media), to));
    media = std::move(written.media);
    return written.description;
  }
  contract::SessionSpec spec() const { return session_spec(media, contract::SessionId{5}, 1); }

  SeededRandom random;
  CallMedia media;
  bool asked = true;
  bool tcp = false;  ///< the data plane has media over TCP
};

}  // namespace isthmus::media::testing
