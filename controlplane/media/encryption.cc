#include "controlplane/media/encryption.h"

#include <algorithm>

namespace isthmus::media {
namespace {

using sdp::CryptoAttribute;
using sdp::CryptoSuite;

constexpr std::uint64_t kMicrosoftLifetime = std::uint64_t{1} << 31U;  // |2^31; lines without are not taken by all

tl::unexpected<Refusal> refuse(RefusalKind kind, std::string text) {
  return tl::unexpected<Refusal>(make_refusal(kind, std::move(text)));
}

bool is_microsoft(const LegSettings& settings) { return settings.dialect == Dialect::kMicrosoft; }

const CryptoAttribute* choose_line(const LegSettings& settings, const sdp::MediaSection& section) {
  const CryptoAttribute* with_mki = nullptr;
  for (const CryptoAttribute& crypto : section.crypto) {
    if (!is_acceptable(settings, crypto)) continue;
    // The offerer's order is its preference (RFC 4568 5.1.2). Microsoft's puts the lines with a master key identifier
    // first, and saves a byte a packet and a doubt by the one without.
    if (!is_microsoft(settings) || !crypto.keys.front().mki) return &crypto;
    if (with_mki == nullptr) with_mki = &crypto;
  }
  return with_mki;
}

// What the peer says about encryption: by profile, or apart from it (a=encryption).
bool insists(const sdp::MediaSection& section) {
  return sdp::is_secure(section.protocol) || section.encryption == sdp::EncryptionWish::kRequired;
}

}  // namespace

std::optional<contract::SrtpSuite> contract_suite(CryptoSuite suite) {
  switch (suite) {
    case CryptoSuite::kAesCm128HmacSha1_80: return contract::SrtpSuite::kAesCm128HmacSha1_80;
    case CryptoSuite::kAesCm128HmacSha1_32: return contract::SrtpSuite::kAesCm128HmacSha1_32;
    case CryptoSuite::kAesCm192HmacSha1_80: return contract::SrtpSuite::kAesCm192HmacSha1_80;
    case CryptoSuite::kAesCm256HmacSha1_80: return contract::SrtpSuite::kAesCm256HmacSha1_80;
    case CryptoSuite::kAeadAes128Gcm: return contract::SrtpSuite::kAeadAes128Gcm;
    case CryptoSuite::kAeadAes256Gcm: return contract::SrtpSuite::kAeadAes256Gcm;
    case CryptoSuite::kAesCm192HmacSha1_32:
    case CryptoSuite::kAesCm256HmacSha1_32:
    case CryptoSuite::kUnknown: return std::nullopt;
  }
  return std::nullopt;
}

bool is_acceptable(const LegSettings& settings, const CryptoAttribute& crypto) {
  if (!crypto.is_usable() || !contract_suite(crypto.suite)) return false;
  const auto& mki = crypto.keys.front().mki;
  if (mki && mki->length > contract::kMaxMkiBytes) return false;
  const SharedList<CryptoSuite> suites = leg_suites(settings);
  return std::ranges::find(suites, crypto.suite) != suites.end();
}

SharedList<CryptoSuite> leg_suites(const LegSettings& settings) {
  if (is_microsoft(settings)) return {CryptoSuite::kAesCm128HmacSha1_80};
  return settings.policy.suites;
}

Outcome<std::optional<CryptoAttribute>> choose_offered(const LegSettings& settings, const sdp::MediaSection& section) {
  const EncryptionMode mode = settings.policy.encryption;
  const bool peer_insists = insists(section);
  if (mode == EncryptionMode::kOff) {
    if (peer_insists) return refuse(RefusalKind::kEncryptionForbidden, "SRTP was asked for but is off in this zone");
    return std::nullopt;
  }
  const bool must = peer_insists || mode == EncryptionMode::kRequired;
  if (!settings.keys_allowed()) {
    if (must) return refuse(RefusalKind::kKeysOverClearLink, "SRTP needs TLS signalling on this link");
    return std::nullopt;
  }
  if (section.encryption == sdp::EncryptionWish::kRejected) {
    if (must) return refuse(RefusalKind::kEncryptionRequired, "this zone requires SRTP and the offer rejects it");
    return std::nullopt;
  }
  if (const CryptoAttribute* line = choose_line(settings, section)) return *line;
  if (!must) return std::nullopt;
  if (section.crypto.empty() && !peer_insists) {
    return refuse(RefusalKind::kEncryptionRequired, "this zone requires SRTP and the offer has no a=crypto");
  }
  return refuse(RefusalKind::kNoCommonSuite, "no a=crypto line of the offer can be used");
}

CryptoAttribute draw_key(const LegSettings& settings, CryptoSuite suite, std::uint32_t tag, RandomSource& random) {
  CryptoAttribute crypto;
  crypto.tag = tag;
  crypto.suite = suite;
  sdp::CryptoKey key;
  key.key_and_salt = SecretBytes(sdp::suite_key_and_salt_bytes(suite));
  random.fill(key.key_and_salt.mutable_view());
  key.lifetime = is_microsoft(settings) ? kMicrosoftLifetime : settings.policy.key_lifetime_packets;
  crypto.keys.push_back(std::move(key));
  return crypto;
}

Outcome<OfferedEncryption> offer_encryption(const LegSettings& settings, RandomSource& random) {
  const ZonePolicy& policy = settings.policy;
  // Microsoft's feedback messages go under plain AVP and SAVP.
  const bool feedback = policy.feedback_profile && !is_microsoft(settings);
  OfferedEncryption offered;
  offered.protocol = feedback ? sdp::Protocol::kRtpAvpf : sdp::Protocol::kRtpAvp;
  if (policy.encryption == EncryptionMode::kOff) return offered;
  const bool required = policy.encryption == EncryptionMode::kRequired;
  if (!settings.keys_allowed()) {
    if (required) {
      return refuse(RefusalKind::kKeysOverClearLink, "the zone called requires SRTP and its link is not TLS");
    }
    return offered;
  }
  std::uint32_t tag = 0;
  for (const CryptoSuite suite : leg_suites(settings)) {
    if (contract_suite(suite)) offered.crypto.push_back(draw_key(settings, suite, ++tag, random));
  }
  if (offered.crypto.empty()) {
    if (required) return refuse(RefusalKind::kNoCommonSuite, "the zone called requires SRTP and has no suite");
    return offered;
  }
  if (required || policy.best_effort_form == BestEffortForm::kSavp) {
    offered.protocol = feedback ? sdp::Protocol::kRtpSavpf : sdp::Protocol::kRtpSavp;
  }
  return offered;
}

Outcome<AnsweredEncryption> take_answered(const LegSettings& settings, const StreamLeg& leg,
                                          const sdp::MediaSection& section) {
  for (const CryptoAttribute& theirs : section.crypto) {
    if (!is_acceptable(settings, theirs)) continue;
    // The tag says which of our lines was chosen (RFC 4568 5.1.3); each of our lines has a suite of its own, so that a
    // peer that numbers anew is understood as well.
    const auto found = std::ranges::find(leg.own_crypto, theirs.suite, &CryptoAttribute::suite);
    if (found != leg.own_crypto.end()) return AnsweredEncryption{*found, theirs};
  }
  const bool must = sdp::is_secure(leg.protocol) || settings.policy.encryption == EncryptionMode::kRequired;
  if (must && section.crypto.empty()) {
    return refuse(RefusalKind::kEncryptionRequired, "SRTP is required and the answer has no a=crypto");
  }
  // A line that was not offered, and that the peer will encrypt with all the same.
  const bool encrypts = std::ranges::any_of(
      section.crypto, [&](const CryptoAttribute& theirs) { return is_acceptable(settings, theirs); });
  if (must || encrypts || sdp::is_secure(section.protocol)) {
    return refuse(RefusalKind::kProtocol, "the answer has no a=crypto line that was offered");
  }
  return AnsweredEncryption{};
}

}  // namespace isthmus::media
