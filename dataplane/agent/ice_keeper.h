#pragma once

// ICE of the data plane: verifies every STUN message that a worker handed over, answers checks on nominated pairs, and
// keeps those pairs alive. What needs a decision goes to the control plane, and needs none of this while it is away.
//
//   STUN of a leg with ICE -- FINGERPRINT, USERNAME, integrity --+-- refused, counted by reason
//                                                                +-- request on a nominated pair: answered here
//                                                                +-- answer to a request of ours: consent goes on
//                                                                +-- any other check or answer: PuntEvent
//
// Pairs of the RFC form: a Binding request every 4 to 6 s, consent is lost 30 s after the last good answer (RFC
// 7675 5.1). Pairs of the Microsoft form: a Binding indication every 15 s.
//
// A pair over TCP that was nominated before this process began has lost its connection with the process before. It is
// asked at once and every half second, which connects where its peer listens, until the peer has proved itself anew;
// one that does not within 20 s is lost, in either form.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "dataplane/base/drop_reason.h"
#include "dataplane/base/random.h"
#include "dataplane/contract/messages.h"
#include "dataplane/contract/relay.h"
#include "dataplane/wire/stun.h"

namespace isthmus::agent {

/// One component of one leg.
struct IcePlace {
  contract::SessionId session;
  std::uint16_t stream = 0;
  contract::Side side = contract::Side::kA;
  contract::Component component = contract::Component::kRtp;
  auto operator<=>(const IcePlace&) const = default;
};

struct IceKeeperDependencies {
  RandomSource& random;
  std::function<Status(const IcePlace&, const SocketAddress& destination, std::span<const std::uint8_t> packet)> send;
  std::function<void(const contract::Event&)> publish;
  std::function<void(const IcePlace&)> stop_sending;
  /// Over TCP: who speaks from `remote` knows the leg's password.
  std::function<void(const IcePlace&, const SocketAddress& remote)> confirm = [](const auto&, const auto&) {};
};

struct IceCounters {
  std::uint64_t checks_answered = 0;
  std::uint64_t punted = 0;
  std::uint64_t consent_requests = 0;
  std::uint64_t consent_answers = 0;
  std::uint64_t consents_lost = 0;
  std::uint64_t keep_alives = 0;           ///< Binding indications sent
  std::uint64_t indications_received = 0;  ///< consumed
  std::uint64_t not_sent = 0;              ///< the worker's queue had no room; checks are tried again
  std::array<std::uint64_t, kDropReasonCount> refused{};
};

/// A nominated pair.
struct IcePair {
  SocketAddress remote;
  std::uint64_t due_ns = 0;       // next request or indication
  std::uint64_t answered_ns = 0;  // last good answer, or the nomination
  bool lost = false;
  std::uint64_t prove_until_ns = 0;         // its connection is new and proves nothing yet; 0: it does
  std::deque<wire::StunTransaction> asked;  // no answer yet; at most kRememberedRequests
};

/// What the keeper knows of a leg.
struct LegIce {
  contract::IceSpec spec;
  bool rtcp_mux = false;
  bool tcp = false;
  std::array<std::optional<IcePair>, 2> pair;  // by Component - 1
};

/// Control thread. Time is CLOCK_MONOTONIC and comes with each call.
class IceKeeper {
 public:
  static constexpr std::uint64_t kConsentIntervalNs = 5'000'000'000;      ///< RFC 7675 5.1, times 0.8 to 1.2
  static constexpr std::uint64_t kConsentLifeNs = 30'000'000'000;         ///< RFC 7675 5.1
  static constexpr std::uint64_t kMicrosoftKeepAliveNs = 15'000'000'000;  ///< [MS-ICE2]: media or STUN every 15 to 20 s
  static constexpr std::uint64_t kProveNs = 20'000'000'000;  ///< below a session's usual time without media
  static constexpr std::uint64_t kProveIntervalNs = 500'000'000;
  static constexpr std::uint64_t kRetryNs = 20'000'000;  ///< after a full queue
  static constexpr std::size_t kMaxSendsAPoll = 32;      ///< half of a worker's queue of injections
  static constexpr std::size_t kRememberedRequests = 8;  ///< of a pair; more than kConsentLifeNs holds

  explicit IceKeeper(IceKeeperDependencies needs) : needs_(std::move(needs)) {}

  /// The session is now as `spec` says. Pairs that stayed the same keep their timers.
  void set(const contract::SessionSpec& spec, std::uint64_t now_ns);
  void forget(contract::SessionId session);
  /// A well-formed STUN message on a leg with ICE.
  void take(const contract::PuntEvent& event, std::uint64_t now_ns);
  /// Sends what is due.
  void poll(std::uint64_t now_ns);
  /// A control plane is here: it hears of the consents that were lost meanwhile.
  void tell_lost();

  const IceCounters& counters() const { return counters_; }
  /// Of all refusals together; the workers have counted them as consumed.
  std::uint64_t refused() const;

 private:
  using LegPlace = std::pair<contract::SessionId, std::pair<std::uint16_t, contract::Side>>;

  static LegPlace leg_of(const IcePlace& place) { return {place.session, {place.stream, place.side}}; }
  static std::size_t slot(contract::Component component) { return static_cast<std::size_t>(component) - 1; }
  void set_leg(const IcePlace& place, const contract::LegSpec& spec, std::uint64_t now_ns);
  void drop_leg(std::map<LegPlace, LegIce>::iterator leg);
  void refuse(DropReason reason) { ++counters_.refused[static_cast<std::size_t>(reason)]; }
  void take_request(const IcePlace& place, LegIce& leg, const contract::PuntEvent& event,
                    const wire::StunMessage& message, std::uint64_t now_ns);
  bool ask(const IcePlace& place, const LegIce& leg, IcePair& pair);
  void proved(const IcePlace& place, LegIce& leg, const SocketAddress& remote, std::uint64_t now_ns);
  void take_answer(const IcePlace& place, LegIce& leg, const contract::PuntEvent& event,
                   const wire::StunMessage& message, std::uint64_t now_ns);
  void punt(const contract::PuntEvent& event);
  void schedule(const IcePlace& place, IcePair& pair, std::uint64_t due_ns);
  void attend(const IcePlace& place, LegIce& leg, IcePair& pair, std::uint64_t now_ns);
  void lose(const IcePlace& place, IcePair& pair);
  std::uint64_t consent_interval();

  IceKeeperDependencies needs_;
  std::map<LegPlace, LegIce> legs_;
  std::set<std::pair<std::uint64_t, IcePlace>> due_;
  IceCounters counters_;
};

}  // namespace isthmus::agent
