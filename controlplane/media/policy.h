#pragma once

// What a zone allows and prefers for media. Filled from the configuration by the caller; plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/media/shared_list.h"
#include "controlplane/sdp/session_description.h"
#include "dataplane/contract/messages.h"

namespace isthmus::media {

/// Of one zone's legs (R87, R93). Where both zones say `required`, both legs are encrypted or the call is refused.
enum class EncryptionMode : std::uint8_t {
  kOff,       ///< Clear only; a peer that insists on SRTP is refused.
  kAuto,      ///< Best effort: SRTP where the peer and the link allow, else clear.
  kRequired,  ///< SRTP or no call.
};

/// How `kAuto` words an offer of ours (R64).
enum class BestEffortForm : std::uint8_t {
  kAvpWithCrypto,  ///< RTP/AVP and a=crypto: the peer answers with or without.
  kSavp,           ///< RTP/SAVP: for peers that overlook a=crypto under RTP/AVP. They cannot answer clear.
};

/// One allowed codec. Names compare without case.
struct CodecRule {
  std::string encoding;
  std::uint32_t clock_hz = 0;  ///< 0: any
  std::uint8_t channels = 0;   ///< 0: any
};

const SharedList<sdp::CryptoSuite>& default_suites();          ///< The three that every engine has; 80-bit tag first.
const SharedList<CodecRule>& default_audio_codecs();           ///< Wide to narrow, then CN and telephone-event.
const SharedList<CodecRule>& default_video_codecs();           ///< H264, H263 variants.
const SharedList<sdp::PayloadFormat>& default_preset_audio();  ///< Offered where the caller sent no SDP (R38).
const SharedList<sdp::PayloadFormat>& default_preset_video();

/// DSCP of what goes to a leg's peer, as the contract says it.
struct Marking {
  contract::DscpRule rule = contract::DscpRule::kSet;
  std::uint8_t dscp = 0;
  std::vector<contract::DscpMap> map;
};

struct ZonePolicy {
  EncryptionMode encryption = EncryptionMode::kAuto;
  /// Laboratory switch: send keys over signalling that is not TLS. Off by default, a standing alarm while on.
  bool keys_over_clear = false;
  BestEffortForm best_effort_form = BestEffortForm::kAvpWithCrypto;
  /// Suites offered and taken, best first.
  SharedList<sdp::CryptoSuite> suites = default_suites();
  /// Written behind our keys (|2^31) when set; some peers read only keys that have one.
  std::optional<std::uint64_t> key_lifetime_packets;

  SharedList<CodecRule> audio_codecs = default_audio_codecs();
  SharedList<CodecRule> video_codecs = default_video_codecs();
  SharedList<sdp::PayloadFormat> preset_audio = default_preset_audio();
  SharedList<sdp::PayloadFormat> preset_video = default_preset_video();
  bool video = true;
  std::uint64_t video_cap_bps = 0;  ///< 0: none. The lowest of both zones and both peers is written as b= (R106).

  bool offer_rtcp_mux = false;
  bool accept_rtcp_mux = true;
  bool feedback_profile =
      false;  ///< Offer AVPF/SAVPF. Without it a=rtcp-fb is written under AVP, as most endpoints do.

  contract::SourceRule clear_source_rule = contract::SourceRule::kSignalled;
  contract::SourceRule secured_source_rule = contract::SourceRule::kSignalled;
  /// Take loopback addresses from a peer (tests on one host). Everything else that is not unicast stays refused.
  bool allow_loopback = false;
  Marking audio_dscp{contract::DscpRule::kSet, 46, {}};  ///< EF
  Marking video_dscp{contract::DscpRule::kSet, 34, {}};  ///< AF41
};

using sdp::Dialect;

/// One leg: its zone's policy, and what the caller knows of its link and network.
struct LegSettings {
  ZonePolicy policy;
  Dialect dialect = Dialect::kStandards;  ///< Of the zone: how our offers and answers are worded on this leg.
  bool signalling_is_tls = false;
  std::string network;  ///< Name of the media address in the data plane.
  bool has_v4 = true;   ///< Which addresses that network has.
  bool has_v6 = false;
  IpFamily preferred = IpFamily::kV4;  ///< For our own offers.

  /// Keys may be written to and used from this leg's SDP.
  bool keys_allowed() const { return signalling_is_tls || policy.keys_over_clear; }
};

}  // namespace isthmus::media
