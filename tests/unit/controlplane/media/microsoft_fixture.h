#pragma once

// A Microsoft leg and a standards leg for tests: descriptions as Lync 2013, pidgin-sipe and a room system write them.

#include <fstream>
#include <sstream>

#include "controlplane/media/stream_ice.h"
#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {

inline LegSettings microsoft_leg(EncryptionMode mode = EncryptionMode::kRequired) {
  LegSettings settings = leg(mode, true);
  settings.dialect = Dialect::kMicrosoft;
  return settings;
}

inline std::string sample(const std::string& name) {
  std::ifstream file(std::string(ISTHMUS_TEST_DATA) + "/sdp/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What a room system offers: H264 in both packetisations and profiles, wide and narrow sound.
inline std::string room_audio(int port) {
  return "m=audio " + std::to_string(port) +
         " RTP/AVP 107 0 8 9 97\r\na=rtpmap:107 MP4A-LATM/90000\r\na=rtpmap:9 G722/8000\r\n"
         "a=fmtp:9 stack=private\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\n";
}
inline std::string room_video(int port, std::string_view more = "") {
  return "m=video " + std::to_string(port) +
         " RTP/AVP 96 98 99 34\r\na=rtpmap:96 H264/90000\r\n"
         "a=fmtp:96 profile-level-id=640028;packetization-mode=1;max-fs=8160\r\na=rtpmap:98 H264/90000\r\n"
         "a=fmtp:98 profile-level-id=42801F;packetization-mode=0\r\na=rtpmap:99 H264/90000\r\n"
         "a=fmtp:99 profile-level-id=428028;packetization-mode=1;sprop-parameter-sets=Z0KAKJWgHgCJ+VA=,aM48gA==\r\n"
         "a=rtcp-fb:* nack pli\r\na=imageattr:96 send * recv *\r\n" +
         std::string(more);
}
inline std::string room_offer() { return head("192.0.2.20") + room_audio(5000) + room_video(5002); }

/// Answers with the first codec of each line of `offer`, or with those whose encoding is listed.
inline std::string room_answer(const sdp::SessionDescription& offer, std::string_view more = "") {
  std::string text = head("192.0.2.20");
  int port = 5000;
  for (const auto& section : offer.media) {
    text += "m=" + section.media_text + " " + std::to_string(section.is_active() ? port : 0) + " " +
            std::string(to_string(section.protocol));
    for (const auto& format : section.formats) text += " " + std::to_string(format.payload_type);
    text += "\r\n";
    for (const auto& format : section.formats) {
      if (format.encoding.empty()) continue;
      const std::string number = std::to_string(format.payload_type);
      text += "a=rtpmap:" + number + " " + format.encoding + "/" + std::to_string(format.clock_hz) + "\r\n";
      if (!format.fmtp.empty()) text += "a=fmtp:" + number + " " + format.fmtp + "\r\n";
    }
    text += more;
    port += 2;
  }
  return text;
}

inline std::string lync_ice(std::string_view ufrag = "j2zB", int port = 21350, std::string_view ip = "10.30.4.21") {
  const std::string address = std::string(ip) + " ";
  return "a=ice-ufrag:" + std::string(ufrag) +
         "\r\na=ice-pwd:NgnfxSz25/jc3ckWNDDhhTGL\r\na=candidate:1 1 UDP 2130706431 " + address + std::to_string(port) +
         " typ host \r\na=candidate:1 2 UDP 2130705918 " + address + std::to_string(port + 1) + " typ host \r\n";
}
inline std::string lync_head() {
  return "v=0\r\no=- 0 0 IN IP4 10.30.4.21\r\ns=session\r\nc=IN IP4 10.30.4.21\r\nb=CT:99980\r\nt=0 0\r\n";
}
inline std::string microsoft_crypto(int tag, std::string_view tail = "|2^31", std::string_view key = kKey1) {
  return "a=crypto:" + std::to_string(tag) + " AES_CM_128_HMAC_SHA1_80 inline:" + std::string(key) + std::string(tail) +
         "\r\n";
}
inline std::string lync_audio(std::string_view profile = "RTP/SAVP", std::string_view crypto_lines = "",
                              std::string_view more = "") {
  return "m=audio 21350 " + std::string(profile) +
         " 117 114 9 111 0 8 97 13 101\r\na=x-ssrc-range:1730220033-1730220033\r\n"
         "a=rtcp-fb:* x-message app send:dsh "
         "recv:dsh\r\na=rtcp-rsize\r\na=label:main-audio\r\na=x-source:main-audio\r\n" +
         lync_ice() + std::string(crypto_lines) +
         "a=maxptime:200\r\na=rtpmap:117 G722/8000/2\r\na=rtpmap:114 x-msrta/16000\r\na=fmtp:114 bitrate=29000\r\n"
         "a=rtpmap:9 G722/8000\r\na=rtpmap:111 SIREN/16000\r\na=fmtp:111 bitrate=16000\r\na=rtpmap:0 PCMU/8000\r\n"
         "a=rtpmap:8 PCMA/8000\r\na=rtpmap:97 RED/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
         "a=fmtp:101 0-16\r\na=ptime:20\r\n" +
         std::string(more);
}
inline std::string lync_video(std::string_view profile = "RTP/SAVP", std::string_view crypto_lines = "",
                              std::string_view more = "") {
  return "m=video 20412 " + std::string(profile) +
         " 122 121 123\r\na=x-ssrc-range:1730220034-1730220133\r\n"
         "a=rtcp-fb:* x-message app send:src,x-pli recv:src,x-pli\r\na=rtcp-rsize\r\na=label:main-video\r\n"
         "a=x-source:main-video\r\n" +
         lync_ice("i62n", 20412) + std::string(crypto_lines) +
         "a=x-caps:121 263:1920:1080:30.0:2000000:1\r\na=rtpmap:122 X-H264UC/90000\r\n"
         "a=fmtp:122 packetization-mode=1;mst-mode=NI-TC\r\na=rtpmap:121 x-rtvc1/90000\r\n"
         "a=rtpmap:123 x-ulpfecuc/90000\r\n" +
         std::string(more);
}
inline std::string lync_offer(std::string_view more = "") {
  const std::string lines = microsoft_crypto(2, "|2^31|1:1") + microsoft_crypto(3, "|2^31", kKey2);
  return lync_head() + lync_audio("RTP/SAVP", lines, more) + lync_video("RTP/SAVP", lines, more);
}

/// Answers an offer of ours as Lync does, with the first audio codecs and X-H264UC.
inline std::string lync_answer(const sdp::SessionDescription& offer, std::string_view more = "") {
  std::string text = lync_head();
  for (const auto& section : offer.media) {
    const bool is_video = section.kind == sdp::MediaKind::kVideo;
    text += "m=" + section.media_text + (section.is_active() ? (is_video ? " 20412" : " 21350") : " 0") + " RTP/SAVP";
    for (const auto& format : section.formats) text += " " + std::to_string(format.payload_type);
    text += "\r\n";
    if (!section.is_active()) continue;
    for (const auto& format : section.formats) {
      const std::string number = std::to_string(format.payload_type);
      text += "a=rtpmap:" + number + " " + format.encoding + "/" + std::to_string(format.clock_hz) + "\r\n";
      if (!format.fmtp.empty()) text += "a=fmtp:" + number + " " + format.fmtp + "\r\n";
    }
    text += is_video ? lync_ice("i62n", 20412) : lync_ice();
    if (!section.crypto.empty()) text += microsoft_crypto(static_cast<int>(section.crypto[0].tag));
    text += more;
  }
  return text;
}

}  // namespace isthmus::media::testing
