#include "controlplane/media/policy.h"

namespace isthmus::media {
namespace {

sdp::PayloadFormat format(std::uint8_t type, const char* encoding, std::uint32_t clock_hz, std::uint8_t channels = 1,
                          const char* fmtp = "") {
  return sdp::PayloadFormat{type, encoding, clock_hz, channels, fmtp};
}

}  // namespace

const SharedList<sdp::CryptoSuite>& default_suites() {
  static const SharedList<sdp::CryptoSuite> list{
      sdp::CryptoSuite::kAesCm128HmacSha1_80, sdp::CryptoSuite::kAesCm128HmacSha1_32, sdp::CryptoSuite::kAeadAes128Gcm};
  return list;
}

const SharedList<CodecRule>& default_audio_codecs() {
  static const SharedList<CodecRule> list{{"opus", 48000, 2},  {"G722", 8000, 1},    {"G7221", 0, 1},
                                          {"SIREN", 16000, 1}, {"SILK", 0, 1},       {"speex", 0, 1},
                                          {"AMR-WB", 0, 1},    {"AMR", 0, 1},        {"MP4A-LATM", 0, 0},
                                          {"PCMA", 8000, 1},   {"PCMU", 8000, 1},    {"G729", 8000, 1},
                                          {"iLBC", 0, 1},      {"G726-32", 8000, 1}, {"GSM", 8000, 1},
                                          {"L16", 0, 0},       {"CN", 0, 1},         {"telephone-event", 0, 1}};
  return list;
}

const SharedList<CodecRule>& default_video_codecs() {
  static const SharedList<CodecRule> list{
      {"H264", 90000, 1}, {"H263-1998", 90000, 1}, {"H263", 90000, 1}, {"VP8", 90000, 1}, {"H265", 90000, 1}};
  return list;
}

const SharedList<sdp::PayloadFormat>& default_preset_audio() {
  static const SharedList<sdp::PayloadFormat> list{format(9, "G722", 8000), format(8, "PCMA", 8000),
                                                   format(0, "PCMU", 8000),
                                                   format(101, "telephone-event", 8000, 1, "0-15")};
  return list;
}

const SharedList<sdp::PayloadFormat>& default_preset_video() {
  // Constrained baseline, level 3.1 (1280x720 at 30), both packetisations.
  static const SharedList<sdp::PayloadFormat> list{
      format(97, "H264", 90000, 1, "profile-level-id=42E01F;packetization-mode=1"),
      format(98, "H264", 90000, 1, "profile-level-id=42E01F;packetization-mode=0")};
  return list;
}

}  // namespace isthmus::media
