// Two descriptions from outside through a whole exchange and a re-offer: no crash, same lines, no key where none may
// be, nothing of one dialect in the other. The first byte chooses the policies; of the next two, the upper bits the
// dialects, the others where the offer ends.

#include <cstdlib>

#include "controlplane/media/negotiation.h"
#include "controlplane/media/stream_ice.h"
#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"
#include "dataplane/contract/codec.h"

namespace {

using namespace isthmus;
using media::Side;

void require(bool law) {
  if (!law) std::abort();
}

media::LegSettings settings(unsigned choice, bool is_microsoft) {
  media::LegSettings leg;
  if (is_microsoft) leg.dialect = media::Dialect::kMicrosoft;
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
      leg.takes_tcp = true;
    }
    state.streams.push_back(stream);
  }
  return media::with_ports(std::move(media), state);
}

void check_standards(const sdp::MediaSection& section) {
  require(!section.label && !section.source && !section.ssrc_range && !section.rtcp_rsize);
  require(section.ice_ufrag.empty() && section.ice_pwd.empty() && section.candidates.empty());
  require(section.remote_candidates.empty() && section.encryption == sdp::EncryptionWish::kUnsaid);
  for (const auto& format : section.formats) require(!sdp::equal_ignoring_case(format.encoding, "X-H264UC"));
}

void check_microsoft(const media::CallMedia& media, const sdp::MediaSection& section) {
  require(section.label.has_value() && section.ssrc_range.has_value() && section.bandwidths.empty());
  // Of each component one; over TCP one that dials and one that listens. As long as nothing is decided both.
  const bool over_tcp = sdp::is_over_tcp(section.protocol);
  std::size_t tcp = 0;
  for (const auto& candidate : section.candidates) tcp += sdp::is_tcp(candidate.transport) ? 1 : 0;
  const std::size_t udp = section.candidates.size() - tcp;
  require(section.crypto.size() <= 1 && tcp <= 4 && udp <= 2);
  require(over_tcp ? udp == 0 && tcp > 0 : section.candidates.empty() || udp > 0);
  require(section.has_ice() == !section.candidates.empty());
  if (media.leg[0].settings.dialect == media.leg[1].settings.dialect) return;
  for (const auto& format : section.formats) {
    require(section.kind != sdp::MediaKind::kVideo || format.fmtp.find("sprop") == std::string::npos);
  }
}

void check(const media::CallMedia& media, Side side, const sdp::SessionDescription& description) {
  const auto& leg = media.leg[contract::index(side)].settings;
  const std::string text = sdp::serialise(description, leg.dialect);
  for (const auto& section : description.media) {
    require(section.attributes.empty());
    if (!section.is_active()) continue;
    if (leg.dialect == media::Dialect::kMicrosoft) {
      check_microsoft(media, section);
    } else {
      check_standards(section);
    }
  }
  if (!leg.keys_allowed() || leg.policy.encryption == media::EncryptionMode::kOff) {
    for (const auto& section : description.media) require(section.crypto.empty());
  }
  const auto back = sdp::parse(text);
  require(back.has_value() && *back == description);
}

// The agents of both legs have chosen: the offer that says so is one, too.
void nominate_and_tell(const media::CallMedia& agreed, RandomSource& random) {
  const SocketAddress far{IpAddress::v4(192, 0, 2, 1), 4000};
  for (const Side side : {Side::kA, Side::kB}) {
    media::CallMedia media = agreed;
    for (std::size_t i = 0; i < media.streams.size(); ++i) {
      media = media::with_nominated(std::move(media), side, i, far, far);
    }
    require(media::all_nominated(media, side));
    const auto told = media::make_full_offer(std::move(media), side, random);
    if (!told) continue;
    check(told->media, side, told->description);
    require(contract::validate(media::session_spec(told->media, contract::SessionId{1}, 2)).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t split = std::min<std::size_t>(size - 3, (data[1] & 0x3fU) << 8U | data[2]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto offer = sdp::parse(text.substr(0, split));
  const auto answer = sdp::parse(text.substr(split));
  if (!offer) return 0;
  SeededRandom random(data[0]);
  auto taken = media::accept_offer(media::begin(settings(data[0] & 15U, (data[1] & 0x40U) != 0),
                                                settings(data[0] >> 4U, (data[1] & 0x80U) != 0), random),
                                   Side::kA, *offer, random);
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
  auto spec = media::session_spec(told->media, contract::SessionId{1}, 1);
  require(contract::validate(spec).has_value());
  nominate_and_tell(told->media, random);
  // B offers what it answered with.
  auto again = media::accept_offer(std::move(told->media), Side::kB, *answer, random);
  if (!again) return 0;
  auto back = media::make_offer(opened(std::move(*again)), Side::kA, random);
  if (back) check(back->media, Side::kA, back->description);
  return 0;
}
