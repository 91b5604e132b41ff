#include "controlplane/b2bua/zone_media.h"

namespace isthmus::b2bua {
namespace {

std::vector<media::CodecRule> rules_of(const std::vector<config::Codec>& codecs) {
  std::vector<media::CodecRule> rules;
  rules.reserve(codecs.size());
  for (const config::Codec& codec : codecs) rules.push_back({codec.encoding, codec.clock_hz, 0});
  return rules;
}

media::EncryptionMode mode_of(config::MediaEncryption encryption) {
  switch (encryption) {
    case config::MediaEncryption::kOff: return media::EncryptionMode::kOff;
    case config::MediaEncryption::kAuto: return media::EncryptionMode::kAuto;
    case config::MediaEncryption::kRequired: return media::EncryptionMode::kRequired;
  }
  return media::EncryptionMode::kRequired;
}

media::Marking marking_of(const config::DscpMarking& marking) {
  using Rule = config::DscpMarking::Rule;
  media::Marking made;
  made.dscp = marking.value;
  made.rule = marking.rule == Rule::kCopy  ? contract::DscpRule::kCopy
              : marking.rule == Rule::kMap ? contract::DscpRule::kMap
                                           : contract::DscpRule::kSet;
  for (const config::DscpMarking::Entry& entry : marking.map) made.map.push_back({entry.from, entry.to});
  return made;
}

media::ZonePolicy policy_of(const config::Zone& zone) {
  media::ZonePolicy policy;
  policy.encryption = mode_of(zone.media_encryption);
  policy.keys_over_clear = zone.keys_over_clear;
  if (zone.offer_savp) policy.best_effort_form = media::BestEffortForm::kSavp;
  if (!zone.audio_codecs.empty()) policy.audio_codecs = rules_of(zone.audio_codecs);
  if (!zone.video_codecs.empty()) policy.video_codecs = rules_of(zone.video_codecs);
  policy.video = zone.video;
  if (zone.delayed_offer == config::DelayedOfferPreset::kAudio) policy.preset_video = {};
  policy.video_cap_bps = std::uint64_t{zone.video_cap_kbps} * 1000;
  policy.audio_dscp = marking_of(zone.audio_dscp);
  policy.video_dscp = marking_of(zone.video_dscp);
  policy.offer_rtcp_mux = zone.offer_rtcp_mux;
  policy.feedback_profile = zone.feedback_profile;
  policy.allow_loopback = zone.allow_loopback_media;
  if (zone.latch_plain_media) policy.clear_source_rule = contract::SourceRule::kLatchPlain;
  return policy;
}

}  // namespace

Dialect dialect_of(const config::Zone* zone) {
  return zone != nullptr && zone->dialect == config::Dialect::kMicrosoft ? Dialect::kMicrosoft : Dialect::kStandards;
}

media::LegSettings zone_settings(const config::ControlPlane& configuration, const config::Zone* zone, bool is_tls) {
  media::LegSettings settings;
  settings.signalling_is_tls = is_tls;
  if (zone == nullptr) return settings;
  settings.policy = policy_of(*zone);
  settings.dialect = dialect_of(zone);
  if (const config::Network* network = configuration.network_of(*zone)) {
    settings.network = network->name;
    settings.has_v4 = network->ipv4;
    settings.has_v6 = network->ipv6;
    settings.preferred = network->preferred;
  }
  return settings;
}

}  // namespace isthmus::b2bua
