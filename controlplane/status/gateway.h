#pragma once

// What the gateway shows of itself to REST, CLI and Prometheus: plain values, gathered on the event-loop thread.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/status/alarms.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/inspection.h"
#include "dataplane/contract/messages.h"

namespace isthmus::status {

using contract::Side;

/// One party of a call.
struct CallLeg {
  std::string zone;
  std::string uri;           ///< of the peer: From of leg A, request URI of leg B
  std::string display_name;  ///< as the peer wrote it; data, not markup
  std::string call_id;       ///< SIP Call-ID of this leg's dialog
  std::string signalling;    ///< "udp 10.1.0.2:5060"
  std::string user_agent;    ///< as the peer wrote it
};

/// What is agreed for one stream on one leg, as far as signalling knows.
struct StreamMedia {
  std::string codec;       ///< "H264/90000"; empty: not agreed yet
  std::string encryption;  ///< "AES_CM_128_HMAC_SHA1_80", or "none"
  std::string direction;   ///< of the peer: "sendrecv", "sendonly", ...
  std::string local;       ///< our address for it: "10.1.0.1:56000"
};

struct CallStream {
  contract::MediaKind kind = contract::MediaKind::kAudio;
  bool active = false;
  std::array<StreamMedia, 2> leg;  ///< by Side
};

struct Call {
  std::string id;              ///< names the call here; the same in the log
  std::string state;           ///< "up", "ringing", ...
  std::array<CallLeg, 2> leg;  ///< by Side; A called
  WallTime began{};
  std::optional<WallTime> answered;
  std::optional<WallTime> ended;
  std::uint16_t end_status = 0;  ///< final SIP status; 0: runs
  std::string end_reason;
  contract::SessionId session;  ///< 0: no media yet
  std::vector<CallStream> streams;
  std::vector<std::string> history;                    ///< how it was routed, a line a step
  std::optional<contract::SessionStats> last_figures;  ///< of an ended call
};

enum class PeerState : std::uint8_t { kUnknown, kAlive, kFailed };
std::string_view to_string(PeerState state);

/// One peer of a zone (R51, R260).
struct Peer {
  std::string zone;
  std::string address;    ///< "10.1.0.2:5060"
  std::string transport;  ///< "tcp"
  PeerState state = PeerState::kUnknown;
  std::string cause;  ///< why unknown or failed
  WallTime since{};
};

struct Listener {
  std::string name;
  std::string transport;
  std::string address;  ///< with the port it really has
};

/// A figure of the control plane. `labels` as Prometheus writes them (`method="INVITE"`), or empty.
struct Figure {
  std::string name;  ///< "sip_messages_received_total"
  std::string help;
  std::string labels;
  double value = 0;
  bool is_counter = true;  ///< else a gauge
};

struct Gateway {
  std::string version;
  std::string node;  ///< our FQDN
  WallTime started{};
  bool accepting = true;  ///< false while it drains
  std::uint32_t calls = 0;
  std::uint32_t max_calls = 0;
  bool data_plane_connected = false;
  std::vector<Listener> listeners;
  std::vector<Peer> peers;
  std::vector<Figure> figures;
};

/// What REST asks. All on the event-loop thread; callbacks run later, exactly once.
class Source {
 public:
  virtual ~Source() = default;

  virtual Gateway gateway() const = 0;
  virtual std::vector<Alarm> alarms() const = 0;
  /// Up to `limit` calls with an id after `after`, ascending by id.
  virtual std::vector<Call> calls(std::string_view after, std::size_t limit) const = 0;
  /// Calls that ended lately, the last one first.
  virtual std::vector<Call> ended_calls() const = 0;
  /// Running or lately ended.
  virtual std::optional<Call> call(std::string_view id) const = 0;
  virtual bool hang_up(std::string_view id) = 0;  ///< false: no such call

  virtual void data_plane(std::function<void(Result<contract::DataplaneStatus>)> done) = 0;
  virtual void media_figures(contract::SessionId session, std::function<void(Result<contract::SessionStats>)> done) = 0;

  /// Where the data plane's cycles go; `measure` switches the counters first.
  virtual void stages(std::optional<bool> measure, std::function<void(Result<contract::StageFigures>)> done) = 0;
  /// The packets of one stream; see contract::Inspection.
  virtual void start_trace(const contract::TraceSpec& spec, std::function<void(Result<void>)> done) = 0;
  virtual void read_trace(contract::SessionId session, std::uint64_t from,
                          std::function<void(Result<contract::TracePage>)> done) = 0;
  virtual void stop_trace(contract::SessionId session, std::function<void(Result<void>)> done) = 0;

  /// One answer of the route tester (R184), a line a step.
  struct RouteTest {
    std::string alias;  ///< after the transforms
    struct Target {
      std::string zone;
      std::string uri;
      std::string rule;
    };
    std::vector<Target> targets;
    std::vector<std::string> history;
  };
  virtual Result<RouteTest> test_route(std::string_view uri, std::string_view from_zone) const = 0;
};

}  // namespace isthmus::status
