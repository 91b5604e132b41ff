#pragma once

// SDES (RFC 4568) for one m-line of one leg: which crypto line is taken, which are written.

#include <optional>
#include <vector>

#include "controlplane/media/call_media.h"
#include "controlplane/media/refusal.h"
#include "dataplane/base/random.h"

namespace isthmus::media {

/// Suites this leg offers and takes, best first. The Microsoft dialect has one ([MS-SDPEXT]).
SharedList<sdp::CryptoSuite> leg_suites(const LegSettings& settings);

/// The contract's name for a suite; empty where the data plane has none.
std::optional<contract::SrtpSuite> contract_suite(sdp::CryptoSuite suite);

/// A line that this leg may use: understood whole, of a suite that policy and data plane have, MKI not too long.
bool is_acceptable(const LegSettings& settings, const sdp::CryptoAttribute& crypto);

/// The offered line to be answered; empty: the stream will be clear. Refuses where policy, link and offer do not fit.
Outcome<std::optional<sdp::CryptoAttribute>> choose_offered(const LegSettings& settings,
                                                            const sdp::MediaSection& section);

/// A new line of ours with a key drawn now.
sdp::CryptoAttribute draw_key(const LegSettings& settings, sdp::CryptoSuite suite, std::uint32_t tag,
                              RandomSource& random);

/// How a stream that this leg does not have yet is offered.
struct OfferedEncryption {
  sdp::Protocol protocol = sdp::Protocol::kRtpAvp;
  std::vector<sdp::CryptoAttribute> crypto;
};
Outcome<OfferedEncryption> offer_encryption(const LegSettings& settings, RandomSource& random);

/// What an answer means for the lines we offered (`leg.own_crypto`, `leg.protocol`): both keys, or none for clear.
struct AnsweredEncryption {
  std::optional<sdp::CryptoAttribute> send;
  std::optional<sdp::CryptoAttribute> receive;
};
Outcome<AnsweredEncryption> take_answered(const LegSettings& settings, const StreamLeg& leg,
                                          const sdp::MediaSection& section);

}  // namespace isthmus::media
