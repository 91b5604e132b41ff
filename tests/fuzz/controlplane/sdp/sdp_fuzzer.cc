// The reader on any bytes: bounded, and what it takes it takes again the same. No key reaches a log.

#include <cstdlib>

#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::sdp;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(mask_secrets(text).size() <= 2 * size + 16 * 1024);
  const auto once = parse(text);
  if (!once) {
    require(!once.error().message.empty());
    return 0;
  }
  require(once->media.size() <= kMaxMediaSections);
  for (const MediaSection& section : once->media) {
    require(section.formats.size() <= kMaxPayloadTypes);
    require(section.candidates.size() <= kMaxCandidates);
    require(section.crypto.size() <= kMaxCryptoLines);
  }
  const std::string log = to_log(*once);
  for (const MediaSection& section : once->media) {
    for (const CryptoAttribute& crypto : section.crypto) {
      const std::string plain = crypto_value(crypto, SecretForm::kPlain);
      const std::string key = plain.substr(plain.find("inline:"), 7 + 16);
      require(log.find(key) == std::string::npos);
    }
  }
  const std::string written = serialise(*once);
  if (written.size() > kMaxSdpBytes) return 0;  // rtpmap lines of static types make it longer than it came
  const auto twice = parse(written);
  require(twice.has_value() && *twice == *once);
  return 0;
}
