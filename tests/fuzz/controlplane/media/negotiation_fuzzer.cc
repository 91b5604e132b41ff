// Two descriptions from outside through a whole exchange and a re-offer: no crash, same lines, no key where none may
// be. The first byte chooses the policies, the next two where the offer ends.

#include <cstdlib>

#include "controlplane/media/negotiation.h"
#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace {

using namespace isthmus;
using media::Side;

void require(bool law) {
  if (!law) std::abort();
}

media::LegSettings settings(unsigned choice) {
  media::LegSettings leg;
  leg.policy.encryption = static_cast<media::EncryptionMode>(choice % 3);
  leg.signalling_is_tls = (choice & 4U) != 0;
  leg.has_v6 = (choice & 8U) != 0;
  leg.network = "fuzz";
  return leg;
}

media::CallMedia opened(media::CallMedia media) {
  contract::SessionState state;
  for (std::size_t i = 0; i < media.streams.size(); ++i) {
    contract::StreamState stream;
    for (auto& leg : stream.leg) {
      leg.local_rtp = {IpAddress::v4(10, 0, 0, 1), static_cast<std::uint16_t>(56000 + 2 * i)};
      leg.local_rtcp = {leg.local_rtp.ip, static_cast<std::uint16_t>(56001 + 2 * i)};
    }
    state.streams.push_back(stream);
  }
  return media::with_ports(std::move(media), state);
}

void check(const media::CallMedia& media, Side side, const sdp::SessionDescription& description) {
  const auto& leg = media.leg[contract::index(side)].settings;
  const std::string text = sdp::serialise(description);
  if (!leg.keys_allowed() || leg.policy.encryption == media::EncryptionMode::kOff) {
    for (const auto& section : description.media) require(section.crypto.empty());
  }
  const auto back = sdp::parse(text);
  require(back.has_value() && *back == description);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t split = std::min<std::size_t>(size - 3, static_cast<std::size_t>(data[1]) << 8U | data[2]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto offer = sdp::parse(text.substr(0, split));
  const auto answer = sdp::parse(text.substr(split));
  if (!offer) return 0;
  SeededRandom random(data[0]);
  auto taken = media::accept_offer(media::begin(settings(data[0] & 15U), settings(data[0] >> 4U), random), Side::kA,
                                   *offer, random);
  if (!taken) {
    require(taken.error().status == 400 || taken.error().status == 488);
    require(!taken.error().text.empty());
    return 0;
  }
  auto asked = media::make_offer(opened(std::move(*taken)), Side::kB, random);
  if (!asked) return 0;
  check(asked->media, Side::kB, asked->description);
  if (!answer) return 0;
  auto agreed = media::accept_answer(std::move(asked->media), Side::kB, *answer);
  if (!agreed) return 0;
  auto told = media::make_answer(std::move(*agreed), Side::kA);
  require(told.has_value());
  check(told->media, Side::kA, told->description);
  require(told->description.media.size() == offer->media.size());
  require(media::session_spec(told->media, contract::SessionId{1}, 1).streams.size() <= contract::kMaxStreams);
  // B offers what it answered with.
  auto again = media::accept_offer(std::move(told->media), Side::kB, *answer, random);
  if (!again) return 0;
  auto back = media::make_offer(opened(std::move(*again)), Side::kA, random);
  if (back) check(back->media, Side::kA, back->description);
  return 0;
}
