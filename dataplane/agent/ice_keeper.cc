#include "dataplane/agent/ice_keeper.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "dataplane/agent/ice_messages.h"
#include "dataplane/base/log.h"
#include "dataplane/wire/stun_integrity.h"

namespace isthmus::agent {

using contract::Component;
using contract::IceSpec;
using contract::LegSpec;
using contract::Side;
using contract::StunForm;
using wire::StunType;

namespace {

/// RFC 8445 7.2.2: the receiver's fragment first. A peer whose fragment is not known yet is known by ours alone.
bool is_for_us(std::string_view username, const IceSpec& ice) {
  if (!username.starts_with(ice.local_ufrag)) return false;
  username.remove_prefix(ice.local_ufrag.size());
  if (username.empty() || username.front() != ':') return false;
  username.remove_prefix(1);
  return ice.remote_ufrag.empty() || username == ice.remote_ufrag;
}

/// Everything that makes a pair what it is: with another password it is another pair.
bool same_credentials(const IceSpec& left, const IceSpec& right) {
  return left.local_ufrag == right.local_ufrag && left.local_password == right.local_password &&
         left.remote_ufrag == right.remote_ufrag && left.remote_password == right.remote_password;
}

}  // namespace

std::uint64_t IceKeeper::refused() const {
  return std::accumulate(counters_.refused.begin(), counters_.refused.end(), std::uint64_t{0});
}

// ---- sessions come, change and go ----

void IceKeeper::set(const contract::SessionSpec& spec, std::uint64_t now_ns) {
  for (std::size_t s = 0; s < spec.streams.size(); ++s) {
    for (const Side side : {Side::kA, Side::kB}) {
      set_leg({spec.id, static_cast<std::uint16_t>(s), side, Component::kRtp}, spec.streams[s].leg[index(side)],
              now_ns);
    }
  }
}

void IceKeeper::set_leg(const IcePlace& place, const LegSpec& spec, std::uint64_t now_ns) {
  const auto found = legs_.find(leg_of(place));
  if (!spec.ice) {
    if (found != legs_.end()) drop_leg(found);
    return;
  }
  const bool is_new = found == legs_.end();
  LegIce& leg = is_new ? legs_[leg_of(place)] : found->second;
  const bool same = same_credentials(leg.spec, *spec.ice) && leg.spec.form == spec.ice->form;
  leg.spec = *spec.ice;
  leg.rtcp_mux = spec.rtcp_mux;
  leg.tcp = spec.transport == contract::LegTransport::kTcp;
  for (const Component component : {Component::kRtp, Component::kRtcp}) {
    const auto& remote = component == Component::kRtp ? spec.remote_rtp : spec.remote_rtcp;
    const bool wanted = spec.ice->nominated && remote.has_value() && (component == Component::kRtp || !spec.rtcp_mux);
    std::optional<IcePair>& pair = leg.pair[slot(component)];
    if (wanted && same && pair && pair->remote == *remote) continue;
    IcePlace at = place;
    at.component = component;
    if (pair) due_.erase({pair->due_ns, at});
    pair.reset();
    if (!wanted) continue;
    pair.emplace().remote = *remote;
    pair->answered_ns = now_ns;  // the check that nominated it
    if (leg.tcp && is_new) pair->prove_until_ns = now_ns + kProveNs;
    const bool at_once = spec.ice->form == StunForm::kMicrosoft || pair->prove_until_ns != 0;
    pair->due_ns = at_once ? now_ns : now_ns + consent_interval();
    due_.emplace(pair->due_ns, at);
  }
}

void IceKeeper::drop_leg(std::map<LegPlace, LegIce>::iterator leg) {
  const auto& [session, rest] = leg->first;
  for (const Component component : {Component::kRtp, Component::kRtcp}) {
    const std::optional<IcePair>& pair = leg->second.pair[slot(component)];
    if (pair) due_.erase({pair->due_ns, IcePlace{session, rest.first, rest.second, component}});
  }
  legs_.erase(leg);
}

void IceKeeper::forget(contract::SessionId session) {
  const LegPlace first{session, {0, Side::kA}};
  for (auto at = legs_.lower_bound(first); at != legs_.end() && at->first.first == session;) drop_leg(at++);
}

// ---- what came ----

void IceKeeper::take(const contract::PuntEvent& event, std::uint64_t now_ns) {
  const IcePlace place{event.session, event.stream, event.side, event.component};
  const auto found = legs_.find(leg_of(place));
  if (found == legs_.end()) return refuse(DropReason::kStunNotExpected);  // ended while the packet was on its way
  const std::optional<wire::StunMessage> message = wire::read_stun(event.packet);
  if (!message) return refuse(DropReason::kStunMalformed);
  if (message->fingerprint_offset != 0 && !wire::verify_fingerprint(event.packet, *message)) {
    return refuse(DropReason::kStunFingerprint);
  }
  if (message->header.is(StunType::kBindingRequest)) {
    return take_request(place, found->second, event, *message, now_ns);
  }
  const bool answer = message->header.is(StunType::kBindingSuccess) || message->header.is(StunType::kBindingError);
  if (answer) return take_answer(place, found->second, event, *message, now_ns);
  if (!message->header.is(StunType::kBindingIndication)) return refuse(DropReason::kStunNotExpected);
  ++counters_.indications_received;  // RFC 8445 11: there is nothing to do
}

void IceKeeper::take_request(const IcePlace& place, LegIce& leg, const contract::PuntEvent& event,
                             const wire::StunMessage& message, std::uint64_t now_ns) {
  if (!message.username || !is_for_us(*message.username, leg.spec)) return refuse(DropReason::kStunUsername);
  if (!wire::verify_integrity(event.packet, message, leg.spec.local_password.view())) {
    return refuse(DropReason::kStunUnauthenticated);
  }
  proved(place, leg, event.source, now_ns);
  const std::optional<IcePair>& pair = leg.pair[slot(place.component)];
  const bool on_pair = pair && pair->remote == event.source;
  // A role conflict (RFC 8445 7.3.1.1) and attributes that we do not know but must (RFC 8489 6.3.1) are decisions.
  const bool conflict = leg.spec.controlling ? message.controlling.has_value() : message.controlled.has_value();
  if (!on_pair || conflict || message.unknown_count > 0) return punt(event);
  const auto answer = make_check_answer(message, event.source, leg.spec);
  if (needs_.send(place, event.source, answer)) {
    ++counters_.checks_answered;
  } else {
    ++counters_.not_sent;
  }
}

void IceKeeper::take_answer(const IcePlace& place, LegIce& leg, const contract::PuntEvent& event,
                            const wire::StunMessage& message, std::uint64_t now_ns) {
  if (leg.spec.remote_password.empty() ||
      !wire::verify_integrity(event.packet, message, leg.spec.remote_password.view())) {
    return refuse(DropReason::kStunUnauthenticated);
  }
  proved(place, leg, event.source, now_ns);
  std::optional<IcePair>& pair = leg.pair[slot(place.component)];
  const auto asked = [&] { return std::ranges::find(pair->asked, message.header.transaction); };
  if (!pair || asked() == pair->asked.end()) return punt(event);  // to a check of the control plane's
  // RFC 7675 5.1: from the address that was asked; an error is no consent.
  if (!message.header.is(StunType::kBindingSuccess) || event.source != pair->remote) {
    return refuse(DropReason::kStunNotExpected);
  }
  pair->asked.erase(asked());  // one answer each: a recorded one proves nothing
  ++counters_.consent_answers;
  if (!pair->lost) pair->answered_ns = now_ns;
}

/// Over TCP it is the connection that has to be trusted.
void IceKeeper::proved(const IcePlace& place, LegIce& leg, const SocketAddress& remote, std::uint64_t now_ns) {
  if (!leg.tcp) return;
  needs_.confirm(place, remote);
  std::optional<IcePair>& pair = leg.pair[slot(place.component)];
  if (!pair || pair->lost || pair->remote != remote || pair->prove_until_ns == 0) return;
  pair->prove_until_ns = 0;
  schedule(place, *pair, now_ns + (leg.spec.form == StunForm::kMicrosoft ? kMicrosoftKeepAliveNs : consent_interval()));
}

void IceKeeper::punt(const contract::PuntEvent& event) {
  ++counters_.punted;
  needs_.publish(event);
}

// ---- what is due ----

// RFC 7675 5.1: five seconds times 0.8 to 1.2, so that peers do not fall into step.
std::uint64_t IceKeeper::consent_interval() {
  return kConsentIntervalNs / 10 * 8 + needs_.random.below(2001) * (kConsentIntervalNs / 5000);
}

void IceKeeper::schedule(const IcePlace& place, IcePair& pair, std::uint64_t due_ns) {
  due_.erase({pair.due_ns, place});
  pair.due_ns = due_ns;
  due_.emplace(due_ns, place);
}

void IceKeeper::poll(std::uint64_t now_ns) {
  for (std::size_t sends = 0; sends < kMaxSendsAPoll && !due_.empty() && due_.begin()->first <= now_ns; ++sends) {
    const IcePlace place = due_.begin()->second;
    LegIce& leg = legs_.at(leg_of(place));
    attend(place, leg, *leg.pair[slot(place.component)], now_ns);
  }
}

bool IceKeeper::ask(const IcePlace& place, const LegIce& leg, IcePair& pair) {
  wire::StunTransaction transaction;
  needs_.random.fill(transaction);
  const bool sent =
      needs_.send(place, pair.remote, make_consent_request(transaction, leg.spec, place.component)).has_value();
  if (sent) {
    if (pair.asked.size() == kRememberedRequests) pair.asked.pop_front();
    pair.asked.push_back(transaction);
  }
  ++(sent ? counters_.consent_requests : counters_.not_sent);
  return sent;
}

void IceKeeper::attend(const IcePlace& place, LegIce& leg, IcePair& pair, std::uint64_t now_ns) {
  if (pair.prove_until_ns != 0) {
    if (now_ns >= pair.prove_until_ns) return lose(place, pair);
    const bool sent = ask(place, leg, pair);
    return schedule(place, pair, now_ns + (sent ? kProveIntervalNs : kRetryNs));
  }
  if (leg.spec.form == StunForm::kMicrosoft) {
    const bool sent = needs_.send(place, pair.remote, make_keep_alive(needs_.random)).has_value();
    ++(sent ? counters_.keep_alives : counters_.not_sent);
    return schedule(place, pair, now_ns + (sent ? kMicrosoftKeepAliveNs : kRetryNs));
  }
  if (now_ns - pair.answered_ns >= kConsentLifeNs) return lose(place, pair);
  const bool sent = ask(place, leg, pair);
  // Not later than the moment at which consent ends.
  const std::uint64_t next = now_ns + (sent ? consent_interval() : kRetryNs);
  schedule(place, pair, std::min(next, std::max(pair.answered_ns + kConsentLifeNs, now_ns + kRetryNs)));
}

void IceKeeper::lose(const IcePlace& place, IcePair& pair) {
  due_.erase({pair.due_ns, place});
  pair.lost = true;
  ++counters_.consents_lost;
  log::warn("ice.consent_lost", {{"session", place.session.value},
                                 {"stream", place.stream},
                                 {"side", place.side == Side::kA ? "a" : "b"},
                                 {"component", static_cast<unsigned>(place.component)},
                                 {"peer", to_string(pair.remote)}});
  needs_.stop_sending(place);  // RFC 7675 5.1
  needs_.publish(contract::ConsentLostEvent{place.session, place.stream, place.side, place.component});
}

void IceKeeper::tell_lost() {
  for (const auto& [at, leg] : legs_) {
    for (const Component component : {Component::kRtp, Component::kRtcp}) {
      const std::optional<IcePair>& pair = leg.pair[slot(component)];
      if (!pair || !pair->lost) continue;
      needs_.publish(contract::ConsentLostEvent{at.first, at.second.first, at.second.second, component});
    }
  }
}

}  // namespace isthmus::agent
