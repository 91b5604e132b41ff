#pragma once

// Private to this folder: plain values to protobuf messages and back. The generated header stays inside the .cc files.

#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/codec.h"

namespace isthmus::contract {

namespace pb {
class Hello;
class Welcome;
class Error;
class SessionSpec;
class SendPacketRequest;
class PictureRequest;
class StagesRequest;
class StageFigures;
class TraceSpec;
class TraceReadRequest;
class TracePage;
class SessionState;
class SessionStats;
class SessionPage;
class DataplaneStatus;
class MediaEvent;
}  // namespace pb

/// Borrowed key bytes in the order in which they are to travel.
using Secrets = std::vector<Bytes>;

void to_wire(const Hello& from, pb::Hello& to);
void to_wire(const Welcome& from, pb::Welcome& to);
void to_wire(const Error& from, pb::Error& to);
void to_wire(const SessionSpec& from, pb::SessionSpec& to, Secrets& secrets);
void to_wire(const SendPacketRequest& from, pb::SendPacketRequest& to);
void to_wire(const PictureRequest& from, pb::PictureRequest& to);
void to_wire(const StagesRequest& from, pb::StagesRequest& to);
void to_wire(const StageFigures& from, pb::StageFigures& to);
void to_wire(const TraceSpec& from, pb::TraceSpec& to);
void to_wire(const TraceReadRequest& from, pb::TraceReadRequest& to);
void to_wire(const TracePage& from, pb::TracePage& to);
void to_wire(const SessionState& from, pb::SessionState& to);
void to_wire(const SessionStats& from, pb::SessionStats& to);
void to_wire(const SessionPage& from, pb::SessionPage& to);
void to_wire(const DataplaneStatus& from, pb::DataplaneStatus& to);
void to_wire(const PuntEvent& from, pb::MediaEvent& to);
void to_wire(const MediaStartedEvent& from, pb::MediaEvent& to);
void to_wire(const MediaTimedOutEvent& from, pb::MediaEvent& to);
void to_wire(const SourceRefusedEvent& from, pb::MediaEvent& to);
void to_wire(const OneWayMediaEvent& from, pb::MediaEvent& to);
void to_wire(const ConsentLostEvent& from, pb::MediaEvent& to);
void to_wire(const PictureWantedEvent& from, pb::MediaEvent& to);
void to_wire(const KeyLifetimeLowEvent& from, pb::MediaEvent& to);

// Back: numbers that do not fit their field, addresses of another size and counts beyond their bound fail here;
// validate() checks the rest afterwards. `secrets` is what is left of the secret part; the keys of a spec are taken off
// its front.
Result<Hello> from_wire(const pb::Hello& from);
Result<Welcome> from_wire(const pb::Welcome& from);
Result<Error> from_wire(const pb::Error& from);
Result<SessionSpec> from_wire(const pb::SessionSpec& from, Bytes& secrets);
Result<SendPacketRequest> from_wire(const pb::SendPacketRequest& from);
Result<PictureRequest> from_wire(const pb::PictureRequest& from);
Result<StagesRequest> from_wire(const pb::StagesRequest& from);
Result<StageFigures> from_wire(const pb::StageFigures& from);
Result<TraceStartRequest> from_wire(const pb::TraceSpec& from);
Result<TraceReadRequest> from_wire(const pb::TraceReadRequest& from);
Result<TracePage> from_wire(const pb::TracePage& from);
Result<SessionState> from_wire(const pb::SessionState& from);
Result<SessionStats> from_wire(const pb::SessionStats& from);
Result<SessionPage> from_wire(const pb::SessionPage& from);
Result<DataplaneStatus> from_wire(const pb::DataplaneStatus& from);
Result<PuntEvent> punt_from_wire(const pb::MediaEvent& from);
Result<MediaStartedEvent> media_started_from_wire(const pb::MediaEvent& from);
Result<MediaTimedOutEvent> media_timed_out_from_wire(const pb::MediaEvent& from);
Result<SourceRefusedEvent> source_refused_from_wire(const pb::MediaEvent& from);
Result<OneWayMediaEvent> one_way_media_from_wire(const pb::MediaEvent& from);
Result<ConsentLostEvent> consent_lost_from_wire(const pb::MediaEvent& from);
Result<PictureWantedEvent> picture_wanted_from_wire(const pb::MediaEvent& from);
Result<KeyLifetimeLowEvent> key_lifetime_low_from_wire(const pb::MediaEvent& from);

}  // namespace isthmus::contract
