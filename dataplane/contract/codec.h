#pragma once

// Messages of the contract to bytes and back. One seqpacket datagram holds one message:
//
//    0               4       6       8                              16
//   +---------------+-------+-------+------------------------------+
//   | "ISTH"        |version| kind  | request id                   |
//   +---------------+-------+-------+------------------------------+
//   | body length   | secret length | CRC-32C       | body ... secret ...
//   +---------------+---------------+---------------+
//   16              20              24              28
//
// Integers are big-endian. The CRC covers everything but itself. The body is protobuf (contract.proto, private to this
// folder). Key bytes never enter protobuf: they travel in the secret part, in the order of the keys in the body, and
// are copied once into SecretBytes. Both directions check every field: encode refuses what decode would refuse.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/base/secret.h"
#include "dataplane/contract/inspection.h"
#include "dataplane/contract/messages.h"

namespace isthmus::contract {

inline constexpr std::size_t kEnvelopeBytes = 28;

// ---- requests: control plane to data plane ----

/// First message of a connection. Its form is frozen for all versions.
struct Hello {
  std::uint16_t oldest_version = kOldestVersion;
  std::uint16_t newest_version = kVersion;
  bool operator==(const Hello&) const = default;
};
struct OpenRequest {
  SessionSpec spec;
  bool operator==(const OpenRequest&) const = default;
};
struct UpdateRequest {
  SessionSpec spec;
  bool operator==(const UpdateRequest&) const = default;
};
struct CloseRequest {
  SessionId session;
  bool operator==(const CloseRequest&) const = default;
};
struct StatsRequest {
  SessionId session;
  bool operator==(const StatsRequest&) const = default;
};
struct ListRequest {
  std::optional<SessionId> from;
  bool operator==(const ListRequest&) const = default;
};
struct StatusRequest {
  bool operator==(const StatusRequest&) const = default;
};
struct SendPacketRequest {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  Component component = Component::kRtp;
  SocketAddress destination;
  std::vector<std::uint8_t> packet;
  bool operator==(const SendPacketRequest&) const = default;
};
/// Ask the peer of `side` for a key frame.
struct PictureRequest {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  bool operator==(const PictureRequest&) const = default;
};
/// Figures of the stages; switches their counters first where `measure` says so.
struct StagesRequest {
  std::optional<bool> measure;
  bool operator==(const StagesRequest&) const = default;
};
struct TraceStartRequest {
  TraceSpec spec;
  bool operator==(const TraceStartRequest&) const = default;
};
/// Records from place `from` on.
struct TraceReadRequest {
  SessionId session;
  std::uint64_t from = 0;
  bool operator==(const TraceReadRequest&) const = default;
};
struct TraceStopRequest {
  SessionId session;
  bool operator==(const TraceStopRequest&) const = default;
};

// ---- answers: data plane to control plane ----

/// The answer to Hello: the version both speak from here on. Its form is frozen for all versions.
struct Welcome {
  std::uint16_t version = kVersion;
  std::uint64_t incarnation = 0;
  bool operator==(const Welcome&) const = default;
};
/// The answer to an operation without a value.
struct Done {
  bool operator==(const Done&) const = default;
};

/// Everything that may travel. Answers repeat the request id; events have request id 0.
using Message =
    std::variant<Hello, OpenRequest, UpdateRequest, CloseRequest, StatsRequest, ListRequest, StatusRequest,
                 SendPacketRequest, PictureRequest, StagesRequest, TraceStartRequest, TraceReadRequest,
                 TraceStopRequest, Welcome, Done, Error, SessionState, SessionStats, SessionPage, DataplaneStatus,
                 StageFigures, TracePage, PuntEvent, MediaStartedEvent, MediaTimedOutEvent, SourceRefusedEvent,
                 ConsentLostEvent, PictureWantedEvent, OneWayMediaEvent, KeyLifetimeLowEvent>;

struct Envelope {
  std::uint16_t version = kVersion;
  std::uint64_t request_id = 0;
  Message message;
};

/// What the first 28 bytes say; checked (magic, lengths, CRC) before anything else is looked at.
struct EnvelopeHeader {
  std::uint16_t version = 0;
  std::uint16_t kind = 0;
  std::uint64_t request_id = 0;
};

/// The first version that can say `message`: a peer of an older one would misread it, not skip it.
std::uint16_t version_needed(const Message& message);

/// The datagram, wiped when it goes since it may hold keys. kInvalidArgument names the field that is out of bounds;
/// kProtocolViolation: the envelope's version is below version_needed().
Result<SecretBytes> encode(const Envelope& envelope);

/// kMalformedInput: magic, length or CRC wrong; the datagram says nothing that can be trusted, not even the request id.
Result<EnvelopeHeader> decode_header(Bytes datagram);

/// kMalformedInput or kInvalidArgument with the field; kProtocolViolation for an unknown kind or a version outside
/// kOldestVersion..kVersion.
Result<Envelope> decode(Bytes datagram);

// The bounds of messages.h. What is possible but unwise (which remote addresses, which ports of which pool) is the data
// plane's policy and not checked here.
Status validate(const SessionSpec& spec);
Status validate(const Message& message);

}  // namespace isthmus::contract
