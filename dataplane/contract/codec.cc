#include "dataplane/contract/codec.h"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>

#include "contract.pb.h"
#include "dataplane/base/crc32c.h"
#include "dataplane/contract/wire_form.h"

namespace isthmus::contract {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'I', 'S', 'T', 'H'};
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 6;
constexpr std::size_t kRequestIdAt = 8;
constexpr std::size_t kBodyLengthAt = 16;
constexpr std::size_t kSecretLengthAt = 20;
constexpr std::size_t kCrcAt = 24;

/// Numbers of the wire, for ever.
enum Kind : std::uint16_t {
  kHello = 1,
  kWelcome = 2,
  kError = 3,
  kDone = 4,
  kOpen = 16,
  kUpdate = 17,
  kClose = 18,
  kStats = 19,
  kList = 20,
  kStatus = 21,
  kSendPacket = 22,
  kRequestPicture = 23,
  kStages = 24,
  kTraceStart = 25,
  kTraceRead = 26,
  kTraceStop = 27,
  kSessionState = 32,
  kSessionStats = 33,
  kSessionPage = 34,
  kDataplaneStatus = 35,
  kStageFigures = 36,
  kTracePage = 37,
  kPunt = 48,
  kMediaStarted = 49,
  kMediaTimedOut = 50,
  kSourceRefused = 51,
  kConsentLost = 52,
  kPictureWanted = 53,
  kOneWayMedia = 54,
  kKeyLifetimeLow = 55,
};

struct Encoded {
  Kind kind;
  std::string body;
  Secrets secrets{};
};

template <typename Wire, typename Value>
Encoded plain(Kind kind, const Value& value) {
  Wire wire;
  to_wire(value, wire);
  return {kind, wire.SerializeAsString()};
}

Encoded with_secrets(Kind kind, const SessionSpec& spec) {
  Encoded encoded{kind, {}};
  pb::SessionSpec wire;
  to_wire(spec, wire, encoded.secrets);
  encoded.body = wire.SerializeAsString();
  return encoded;
}

Encoded session_request(Kind kind, SessionId session) {
  pb::SessionRequest wire;
  wire.set_id(session.value);
  return {kind, wire.SerializeAsString()};
}

struct Encode {
  Encoded operator()(const Hello& m) const { return plain<pb::Hello>(kHello, m); }
  Encoded operator()(const Welcome& m) const { return plain<pb::Welcome>(kWelcome, m); }
  Encoded operator()(const Error& m) const { return plain<pb::Error>(kError, m); }
  Encoded operator()(const Done&) const { return {kDone, {}}; }
  Encoded operator()(const OpenRequest& m) const { return with_secrets(kOpen, m.spec); }
  Encoded operator()(const UpdateRequest& m) const { return with_secrets(kUpdate, m.spec); }
  Encoded operator()(const CloseRequest& m) const { return session_request(kClose, m.session); }
  Encoded operator()(const StatsRequest& m) const { return session_request(kStats, m.session); }
  Encoded operator()(const ListRequest& m) const {
    pb::ListRequest wire;
    if (m.from) wire.set_from(m.from->value);
    return {kList, wire.SerializeAsString()};
  }
  Encoded operator()(const StatusRequest&) const { return {kStatus, {}}; }
  Encoded operator()(const SendPacketRequest& m) const { return plain<pb::SendPacketRequest>(kSendPacket, m); }
  Encoded operator()(const PictureRequest& m) const { return plain<pb::PictureRequest>(kRequestPicture, m); }
  Encoded operator()(const StagesRequest& m) const { return plain<pb::StagesRequest>(kStages, m); }
  Encoded operator()(const TraceStartRequest& m) const { return plain<pb::TraceSpec>(kTraceStart, m.spec); }
  Encoded operator()(const TraceReadRequest& m) const { return plain<pb::TraceReadRequest>(kTraceRead, m); }
  Encoded operator()(const TraceStopRequest& m) const { return session_request(kTraceStop, m.session); }
  Encoded operator()(const SessionState& m) const { return plain<pb::SessionState>(kSessionState, m); }
  Encoded operator()(const SessionStats& m) const { return plain<pb::SessionStats>(kSessionStats, m); }
  Encoded operator()(const SessionPage& m) const { return plain<pb::SessionPage>(kSessionPage, m); }
  Encoded operator()(const DataplaneStatus& m) const { return plain<pb::DataplaneStatus>(kDataplaneStatus, m); }
  Encoded operator()(const StageFigures& m) const { return plain<pb::StageFigures>(kStageFigures, m); }
  Encoded operator()(const TracePage& m) const { return plain<pb::TracePage>(kTracePage, m); }
  Encoded operator()(const PuntEvent& m) const { return plain<pb::MediaEvent>(kPunt, m); }
  Encoded operator()(const MediaStartedEvent& m) const { return plain<pb::MediaEvent>(kMediaStarted, m); }
  Encoded operator()(const MediaTimedOutEvent& m) const { return plain<pb::MediaEvent>(kMediaTimedOut, m); }
  Encoded operator()(const SourceRefusedEvent& m) const { return plain<pb::MediaEvent>(kSourceRefused, m); }
  Encoded operator()(const ConsentLostEvent& m) const { return plain<pb::MediaEvent>(kConsentLost, m); }
  Encoded operator()(const OneWayMediaEvent& m) const { return plain<pb::MediaEvent>(kOneWayMedia, m); }
  Encoded operator()(const KeyLifetimeLowEvent& m) const { return plain<pb::MediaEvent>(kKeyLifetimeLow, m); }
  Encoded operator()(const PictureWantedEvent& m) const { return plain<pb::MediaEvent>(kPictureWanted, m); }
};

template <typename Wire>
bool parse(Bytes body, Wire& wire) {
  return wire.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

tl::unexpected<Error> not_parsed() {
  return fail(ErrorKind::kMalformedInput, "does not parse as the kind of message it says it is", "body");
}

/// Parses `body` and converts it by `convert`.
template <typename Wire, typename Convert>
Result<Message> decode_plain(Bytes body, Convert convert) {
  Wire wire;
  if (!parse(body, wire)) return not_parsed();
  auto value = convert(wire);
  if (!value) return forward_error(value);
  return Message(*std::move(value));
}

template <typename Request>
Result<Message> decode_spec(Bytes body, Bytes& secrets) {
  pb::SessionSpec wire;
  if (!parse(body, wire)) return not_parsed();
  Result<SessionSpec> spec = from_wire(wire, secrets);
  if (!spec) return forward_error(spec);
  return Message(Request{*std::move(spec)});
}

template <typename Request>
Result<Message> decode_session_request(Bytes body) {
  pb::SessionRequest wire;
  if (!parse(body, wire)) return not_parsed();
  return Message(Request{SessionId{wire.id()}});
}

Result<Message> decode_list(Bytes body) {
  pb::ListRequest wire;
  if (!parse(body, wire)) return not_parsed();
  ListRequest request;
  if (wire.has_from()) request.from = SessionId{wire.from()};
  return Message(request);
}

template <typename Value>
Result<Message> decode_empty(Bytes body) {
  pb::Empty wire;
  if (!parse(body, wire)) return not_parsed();
  return Message(Value{});
}

Result<Message> decode_body(std::uint16_t kind, Bytes body, Bytes& secrets) {
  const auto convert = [](const auto& wire) { return from_wire(wire); };
  switch (kind) {
    case kHello: return decode_plain<pb::Hello>(body, convert);
    case kWelcome: return decode_plain<pb::Welcome>(body, convert);
    case kError: return decode_plain<pb::Error>(body, convert);
    case kDone: return decode_empty<Done>(body);
    case kOpen: return decode_spec<OpenRequest>(body, secrets);
    case kUpdate: return decode_spec<UpdateRequest>(body, secrets);
    case kClose: return decode_session_request<CloseRequest>(body);
    case kStats: return decode_session_request<StatsRequest>(body);
    case kList: return decode_list(body);
    case kStatus: return decode_empty<StatusRequest>(body);
    case kSendPacket: return decode_plain<pb::SendPacketRequest>(body, convert);
    case kRequestPicture: return decode_plain<pb::PictureRequest>(body, convert);
    case kStages: return decode_plain<pb::StagesRequest>(body, convert);
    case kTraceStart: return decode_plain<pb::TraceSpec>(body, convert);
    case kTraceRead: return decode_plain<pb::TraceReadRequest>(body, convert);
    case kTraceStop: return decode_session_request<TraceStopRequest>(body);
    case kSessionState: return decode_plain<pb::SessionState>(body, convert);
    case kSessionStats: return decode_plain<pb::SessionStats>(body, convert);
    case kSessionPage: return decode_plain<pb::SessionPage>(body, convert);
    case kDataplaneStatus: return decode_plain<pb::DataplaneStatus>(body, convert);
    case kStageFigures: return decode_plain<pb::StageFigures>(body, convert);
    case kTracePage: return decode_plain<pb::TracePage>(body, convert);
    case kPunt: return decode_plain<pb::MediaEvent>(body, punt_from_wire);
    case kMediaStarted: return decode_plain<pb::MediaEvent>(body, media_started_from_wire);
    case kMediaTimedOut: return decode_plain<pb::MediaEvent>(body, media_timed_out_from_wire);
    case kSourceRefused: return decode_plain<pb::MediaEvent>(body, source_refused_from_wire);
    case kConsentLost: return decode_plain<pb::MediaEvent>(body, consent_lost_from_wire);
    case kOneWayMedia: return decode_plain<pb::MediaEvent>(body, one_way_media_from_wire);
    case kKeyLifetimeLow: return decode_plain<pb::MediaEvent>(body, key_lifetime_low_from_wire);
    case kPictureWanted: return decode_plain<pb::MediaEvent>(body, picture_wanted_from_wire);
    default: return fail(ErrorKind::kProtocolViolation, "is not known in this version of the contract", "kind");
  }
}

std::uint32_t checksum(Bytes datagram) {
  return crc32c(datagram.subspan(kEnvelopeBytes), crc32c(datagram.first(kCrcAt)));
}

/// These are understood in every version, so that two peers without a common one can say so.
bool is_frozen(std::uint16_t kind) { return kind == kHello || kind == kWelcome || kind == kError; }

/// ICE passwords in the secret part, media over TCP, and video that has to be made anew on the way, are not "as
/// before".
std::uint16_t version_needed(const SessionSpec& spec) {
  std::uint16_t needed = 1;
  for (const StreamSpec& stream : spec.streams) {
    const LegSpec& a = stream.leg[index(Side::kA)];
    const LegSpec& b = stream.leg[index(Side::kB)];
    if (a.transport == LegTransport::kTcp || b.transport == LegTransport::kTcp) return 3;
    if (a.ice || b.ice || a.video.format != b.video.format) needed = 2;
  }
  return needed;
}

}  // namespace

std::uint16_t version_needed(const Message& message) {
  if (const auto* open = std::get_if<OpenRequest>(&message)) return version_needed(open->spec);
  if (const auto* update = std::get_if<UpdateRequest>(&message)) return version_needed(update->spec);
  const bool since_3 =
      std::holds_alternative<StagesRequest>(message) || std::holds_alternative<StageFigures>(message) ||
      std::holds_alternative<TraceStartRequest>(message) || std::holds_alternative<TraceReadRequest>(message) ||
      std::holds_alternative<TraceStopRequest>(message) || std::holds_alternative<TracePage>(message) ||
      std::holds_alternative<KeyLifetimeLowEvent>(message);
  if (since_3) return 3;
  const bool since_2 =
      std::holds_alternative<PictureRequest>(message) || std::holds_alternative<ConsentLostEvent>(message) ||
      std::holds_alternative<PictureWantedEvent>(message) || std::holds_alternative<OneWayMediaEvent>(message);
  return since_2 ? 2 : 1;
}

Result<SecretBytes> encode(const Envelope& envelope) {
  if (const Status status = validate(envelope.message); !status) return forward_error(status);
  if (envelope.version < version_needed(envelope.message) && envelope.version >= kOldestVersion) {
    return fail(ErrorKind::kProtocolViolation, "of the other side is too old to understand this", "version");
  }
  const Encoded encoded = std::visit(Encode{}, envelope.message);
  std::size_t secret_bytes = 0;
  for (const Bytes secret : encoded.secrets) secret_bytes += secret.size();
  const std::size_t total = kEnvelopeBytes + encoded.body.size() + secret_bytes;
  if (total > kMaxMessageBytes) {
    return fail(ErrorKind::kExhausted, "needs " + std::to_string(total) + " octets, more than one message holds");
  }

  SecretBytes datagram(total);
  std::uint8_t* at = datagram.mutable_view().data();
  std::ranges::copy(kMagic, at);
  store_be16(at + kVersionAt, envelope.version);
  store_be16(at + kKindAt, encoded.kind);
  store_be64(at + kRequestIdAt, envelope.request_id);
  store_be32(at + kBodyLengthAt, static_cast<std::uint32_t>(encoded.body.size()));
  store_be32(at + kSecretLengthAt, static_cast<std::uint32_t>(secret_bytes));
  std::uint8_t* to = std::copy(encoded.body.begin(), encoded.body.end(), at + kEnvelopeBytes);
  for (const Bytes secret : encoded.secrets) to = std::copy(secret.begin(), secret.end(), to);
  store_be32(at + kCrcAt, checksum(datagram.view()));
  return datagram;
}

Result<EnvelopeHeader> decode_header(Bytes datagram) {
  const auto malformed = [](const char* field, const char* what, std::size_t at) {
    return fail(ErrorKind::kMalformedInput, what, field, at);
  };
  if (datagram.size() < kEnvelopeBytes) return malformed("envelope", "is cut short", datagram.size());
  if (datagram.size() > kMaxMessageBytes) return malformed("envelope", "is longer than a message may be", 0);
  const std::uint8_t* at = datagram.data();
  if (!std::equal(kMagic.begin(), kMagic.end(), at)) return malformed("magic", "is not ISTH", 0);
  const std::uint64_t body = load_be32(at + kBodyLengthAt);
  const std::uint64_t secret = load_be32(at + kSecretLengthAt);
  if (kEnvelopeBytes + body + secret != datagram.size()) {
    return malformed("length", "does not add up to the length of the datagram", kBodyLengthAt);
  }
  if (load_be32(at + kCrcAt) != checksum(datagram)) return malformed("crc", "does not match the datagram", kCrcAt);
  return EnvelopeHeader{load_be16(at + kVersionAt), load_be16(at + kKindAt), load_be64(at + kRequestIdAt)};
}

Result<Envelope> decode(Bytes datagram) {
  const Result<EnvelopeHeader> header = decode_header(datagram);
  if (!header) return forward_error(header);
  if (!is_frozen(header->kind) && (header->version < kOldestVersion || header->version > kVersion)) {
    return fail(ErrorKind::kProtocolViolation, "is not one that this side speaks", "version", kVersionAt);
  }
  const std::size_t body_bytes = load_be32(datagram.data() + kBodyLengthAt);
  const Bytes body = datagram.subspan(kEnvelopeBytes, body_bytes);
  Bytes secrets = datagram.subspan(kEnvelopeBytes + body_bytes);
  Result<Message> message = decode_body(header->kind, body, secrets);
  if (!message) return forward_error(message);
  if (!secrets.empty()) {
    return fail(ErrorKind::kMalformedInput, "has octets that belong to no key", "secret",
                datagram.size() - secrets.size());
  }
  if (const Status status = validate(*message); !status) return forward_error(status);
  return Envelope{header->version, header->request_id, *std::move(message)};
}

}  // namespace isthmus::contract
