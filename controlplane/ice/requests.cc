// What the peer's checks ask of us (RFC 8445 7.3).

#include <algorithm>

#include "controlplane/ice/agent.h"

namespace isthmus::ice {
namespace {

using wire::IntegrityForm;
using wire::StunType;

// A check of ours that left this lately is not sent again because one of the peer's came: the two met on the way.
constexpr Duration kJustSent = std::chrono::milliseconds(50);

bool starts_with_ours(std::string_view username, std::string_view ufrag) {
  return username.size() > ufrag.size() && username.substr(0, ufrag.size()) == ufrag && username[ufrag.size()] == ':';
}

}  // namespace

void Agent::on_packet(StreamIndex index, Component on, const SocketAddress& source, Bytes packet, TimePoint now) {
  const auto found = streams_.find(index);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const auto component = static_cast<std::uint16_t>(on == Component::kRtcp ? 2 : 1);
  const auto message = wire::read_stun(packet);
  if (!message) {
    ++counters_.malformed;
    return;
  }
  if (message->header.is(StunType::kBindingIndication)) return;  // a keep-alive (RFC 8445 11)
  if (message->fingerprint_offset != 0 && !wire::verify_fingerprint(packet, *message)) {
    ++counters_.unauthenticated;
    return;
  }
  if (message->header.is(StunType::kBindingRequest)) {
    // Nobody without our password gets an answer, not even an error (threat model B2).
    const auto form = wire::verify_integrity(packet, *message, stream.local.password.view());
    const bool is_for_us = message->username && starts_with_ours(*message->username, stream.local.ufrag);
    const bool is_from_them =
        !stream.remote ||
        (is_for_us && message->username->substr(stream.local.ufrag.size() + 1) == stream.remote->ufrag);
    if (!form || !is_for_us || !is_from_them) {
      ++counters_.unauthenticated;
      return;
    }
    on_request(index, stream, component, source, *message, *form, now);
  } else if (message->header.is(StunType::kBindingSuccess) || message->header.is(StunType::kBindingError)) {
    if (!stream.remote || !wire::verify_integrity(packet, *message, stream.remote->password.view())) {
      ++counters_.unauthenticated;
      return;
    }
    on_answer(index, stream, component, source, *message, now);
  } else {
    ++counters_.malformed;
  }
  consider_nomination(stream, now);
  pace(now);
}

void Agent::on_request(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                       const wire::StunMessage& message, IntegrityForm form, TimePoint now) {
  const Bytes password = stream.local.password.view();
  if (message.unknown_count > 0) {  // RFC 8489 6.3.1
    return emit(index, component, source, write_error(message, 420, "Unknown Attribute", form, password));
  }
  if (!message.priority || (!message.controlling && !message.controlled)) {
    // RFC 8445 7.1: both are in every check. A consent check (RFC 7675) is one too.
    return emit(index, component, source, write_error(message, 400, "Bad Request", form, password));
  }
  if (!may_check(settings_.addresses, source)) {
    ++counters_.refused_sources;
    return;
  }
  if (!resolve_role(index, stream, component, source, message, form)) return;
  form_ = form;  // what the peer writes it reads
  emit(index, component, source, write_success(message.header.transaction, source, *message.username, form, password));
  // Over TCP one connection carries both components ([MS-ICE2]). A peer that checks the second one all the same,
  // perhaps on a connection of its own, is answered, and that is all.
  constexpr std::uint32_t kSecondComponent = 256 - 2;  // RFC 8445 5.1.2.1, the last octet
  if (stream.checklist.is_over_tcp() && (*message.priority & 0xffU) == kSecondComponent) return;
  EarlyCheck check{component, source, *message.priority, message.use_candidate, std::string(*message.username)};
  if (stream.remote) return triggered_check(index, stream, check, now);
  if (stream.early.size() < kMaxEarlyChecks) stream.early.push_back(std::move(check));  // RFC 8445 7.3
}

// False: the peer was told to take the other role (RFC 8445 7.3.1.1).
bool Agent::resolve_role(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                         const wire::StunMessage& message, IntegrityForm form) {
  const bool conflict = settings_.controlling ? message.controlling.has_value() : message.controlled.has_value();
  if (!conflict) return true;
  ++counters_.role_conflicts;
  const std::uint64_t theirs = settings_.controlling ? *message.controlling : *message.controlled;
  const bool ours_wins = settings_.tie_breaker >= theirs;
  // The higher tie-breaker is controlling: a controlling loser and a controlled winner change their role.
  if (settings_.controlling != ours_wins) {
    switch_role(!settings_.controlling);
    return true;
  }
  emit(index, component, source, write_error(message, 487, "Role Conflict", form, stream.local.password.view()));
  return false;
}

void Agent::triggered_check(StreamIndex index, Stream& stream, const EarlyCheck& check, TimePoint now) {
  auto at = stream.checklist.find(check.component, check.source);
  if (!at) {
    at = stream.checklist.add_peer_reflexive(check.component, check.source, check.priority);
    if (!at) {
      ++counters_.refused_sources;
      return;
    }
  }
  Pair& pair = stream.checklist.pair(*at);
  const bool nominates = check.use_candidate && !settings_.controlling;
  if (pair.state == PairState::kSucceeded) {
    if (nominates) nominated_by_peer(index, stream, *at, now);
    return;
  }
  if (nominates) pair.nominate = true;
  // Controlling, with the pair chosen: nothing is left to be found out.
  if (stream.phase == Phase::kFailed) return;
  if (settings_.controlling && stream.selected.contains(check.component)) return;
  // What was nominated stays so while the peer checks other pairs without nominating them.
  if (stream.phase == Phase::kNominated && !nominates) return;
  if (pair.state == PairState::kInProgress) {
    const bool just_sent = std::ranges::any_of(transactions_, [&](const Transaction& transaction) {
      return transaction.stream == index && transaction.pair == *at && !transaction.cancelled &&
             now < transaction.sent_at + kJustSent;
    });
    if (just_sent) return;
    cancel_checks(index, *at);
  }
  stream.checklist.trigger(*at);
}

void Agent::nominated_by_peer(StreamIndex index, Stream& stream, PairIndex pair, TimePoint now) {
  if (stream.phase != Phase::kFailed) select(index, stream, pair, now);
}

}  // namespace isthmus::ice
