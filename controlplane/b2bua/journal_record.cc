#include "controlplane/b2bua/journal_record.h"

#include "controlplane/b2bua/record_fields.h"
#include "controlplane/b2bua/zone_media.h"
#include "controlplane/media/negotiation.h"

namespace isthmus::sip {

template <typename A>
void describe(A& a, Target& v) {
  a(v.transport, v.address, v.listener, v.peer_name);
}

}  // namespace isthmus::sip

namespace isthmus::b2bua {
namespace {

template <typename A>
void describe_call(A& a, Call& call, Attempt& attempt, media::CallMedia& media, FollowUp& due,
                   std::array<std::optional<sip::Target>, 2>& link) {
  a(call.state, call.leg[0], call.leg[1], call.record, call.dialled.alias, attempt, call.delayed, call.session.value,
    call.revision, call.session_state, link[0], link[1]);
  bool with_media = call.state == State::kAnswered || call.state == State::kUp;
  a(with_media);
  if (with_media) a(media);
  a.since(6, due);
}

/// Where a call stands for who reads the record, while an offer is out whose outcome nobody may hear.
struct Standing {
  FollowUp due;
  std::optional<media::CallMedia> media;  ///< where they are not the call's
};
Standing standing_of(const Call& call) {
  Standing standing{call.follow_up, {}};
  if (!call.exchange || call.exchange->phase == Exchange::Phase::kPorts) return standing;
  const Side to = other(call.exchange->from);
  const bool own = call.exchange->kind == Exchange::Kind::kOwn;
  if (!own && call.exchange->kind != Exchange::Kind::kForwarded) return standing;
  (call.exchange->tells_pairs ? standing.due.pairs : standing.due.media)[contract::index(to)] = true;
  // Ours is made again. Whoever sent another one hears nothing and keeps the old media; `to` may have taken the new.
  if (!own) standing.media = media::with_taken_offer(call.media, call.exchange->pending, to);
  return standing;
}

bool is_plausible(const Call& call) {
  if (call.state > State::kEnded || call.session_state > SessionState::kClosing || call.record.id == 0) return false;
  for (const Leg& leg : call.leg) {
    if (leg.end > LegEnd::kOver || leg.session.duty > SessionDuty::kPeers) return false;
  }
  for (const media::LegMedia& leg : call.media.leg) {
    for (const media::LegLine& line : leg.lines) {
      if (line.stream && *line.stream >= call.media.streams.size()) return false;
    }
  }
  return call.media.streams.size() <= contract::kMaxStreams;
}

}  // namespace

bool encode_record(const JournalRecord& record, ArchiveWriter& writer) {
  writer.clear();
  writer(kRecordVersion);
  // Writing changes nothing; see archive.h.
  auto& call = const_cast<Call&>(record.call);
  auto& link = const_cast<std::array<std::optional<sip::Target>, 2>&>(record.link);
  Attempt attempt = call.attempt < call.attempts.size() ? call.attempts[call.attempt] : Attempt{};
  Standing standing = standing_of(call);
  describe_call(writer, call, attempt, standing.media ? *standing.media : call.media, standing.due, link);
  return writer.ok();
}

Result<RecoveredRecord> decode_record(Bytes bytes, const config::ControlPlane& configuration) {
  ArchiveReader reader(bytes);
  std::uint32_t version = 0;
  reader(version);
  if (version < kOldestRecordVersion || version > kRecordVersion) {
    return fail(ErrorKind::kMalformedInput, "a call record of version " + std::to_string(version), "version");
  }
  reader.set_version(version);
  RecoveredRecord record;
  record.call.attempts.resize(1);
  describe_call(reader, record.call, record.call.attempts.front(), record.call.media, record.call.follow_up,
                record.link);
  if (!reader.ok() || !reader.at_end() || !is_plausible(record.call)) {
    return fail(ErrorKind::kMalformedInput, "the call record is damaged", "record");
  }
  for (const Side side : {Side::kA, Side::kB}) {
    const Leg& leg = record.call.at(side);
    media::LegSettings& settings = record.call.media.leg[contract::index(side)].settings;
    std::string network = std::move(settings.network);
    settings = zone_settings(configuration, configuration.find_zone(leg.zone), leg.is_tls);
    if (!network.empty()) settings.network = std::move(network);
  }
  return record;
}

}  // namespace isthmus::b2bua
