#pragma once

// The ICE agents of one call, beside it: they have timers and packets, which a call as a value has not. After each step
// they follow what the call's descriptions say; what they find out comes back to the call as events.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "controlplane/b2bua/call.h"
#include "controlplane/config/control_plane.h"
#include "controlplane/ice/agent.h"

namespace isthmus::b2bua {

/// One thread, that of its call. The agents are not journalled: a call that is taken up again with pairs needs none,
/// one without begins its checks anew.
class IceLegs {
 public:
  struct Packet {
    Side side = Side::kA;
    ice::Outgoing what;
  };

  /// Streams that do ICE get what their descriptions say; checks begin where both sides know each other's.
  void follow(const Call& call, const config::ControlPlane& configuration, RandomSource& random,
              event_loop::TimePoint now);
  void on_packet(const contract::PuntEvent& punt, event_loop::TimePoint now);
  void on_timer(event_loop::TimePoint now);
  std::optional<event_loop::TimePoint> next_timer() const;
  std::vector<Packet> take_outgoing();
  /// IceNominated and IceFailed that were not handed out yet.
  std::vector<Event> take_events();

 private:
  struct Known {
    ice::Credentials local;
    std::vector<sdp::Candidate> local_candidates;
    ice::Credentials remote{};
    std::vector<sdp::Candidate> remote_candidates{};
    ice::StreamStatus reported{};
  };
  using Key = std::pair<Side, ice::StreamIndex>;

  void follow_stream(const Key& key, const media::StreamLeg& leg, event_loop::TimePoint now);
  ice::Agent* agent_of(Side side) { return agents_[contract::index(side)].get(); }

  std::array<std::unique_ptr<ice::Agent>, 2> agents_;  ///< by Side; made with the first stream that needs one
  std::map<Key, Known> known_;
};

}  // namespace isthmus::b2bua
