#include "controlplane/ice/agent.h"

#include <algorithm>
#include <set>

namespace isthmus::ice {
namespace {

using wire::IntegrityForm;

constexpr std::uint32_t kPeerReflexivePreference = 110;  // RFC 8445 5.1.2.2, for PRIORITY of checks (7.1.1)

IntegrityForm form_of(contract::StunForm form) {
  return form == contract::StunForm::kMicrosoft ? IntegrityForm::kPadded : IntegrityForm::kStrict;
}

std::vector<std::uint16_t> components_of(const std::vector<sdp::Candidate>& candidates) {
  std::set<std::uint16_t> components;
  for (const sdp::Candidate& candidate : candidates) components.insert(candidate.component);
  return {components.begin(), components.end()};
}

Component contract_component(std::uint16_t component) { return component == 2 ? Component::kRtcp : Component::kRtp; }

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kWaiting: return "waiting";
    case Phase::kChecking: return "checking";
    case Phase::kNominated: return "nominated";
    case Phase::kFailed: return "failed";
  }
  return "unknown";
}

std::string_view to_string(Failure failure) {
  switch (failure) {
    case Failure::kNone: return "none";
    case Failure::kNoCandidates: return "no-candidates";
    case Failure::kNoPair: return "no-pair";
    case Failure::kOneComponent: return "one-component";
    case Failure::kNotNominated: return "not-nominated";
  }
  return "unknown";
}

Agent::Agent(AgentSettings settings, RandomSource& random)
    : settings_(std::move(settings)), random_(random), form_(form_of(settings_.form)) {}

void Agent::add_stream(StreamIndex index, StreamSettings settings) {
  remove_stream(index);
  std::vector<std::uint16_t> components = components_of(settings.candidates);
  streams_.emplace(index, Stream{.local = std::move(settings.local),
                                 .components = std::move(components),
                                 .checklist = Checklist(std::move(settings.candidates), settings_.controlling)});
}

void Agent::remove_stream(StreamIndex index) {
  streams_.erase(index);
  std::erase_if(transactions_, [index](const Transaction& transaction) { return transaction.stream == index; });
}

const Credentials* Agent::local_credentials(StreamIndex index) const {
  const auto found = streams_.find(index);
  return found == streams_.end() ? nullptr : &found->second.local;
}

void Agent::set_remote(StreamIndex index, Credentials remote, const std::vector<sdp::Candidate>& candidates,
                       TimePoint now) {
  const auto found = streams_.find(index);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  stream.remote = std::move(remote);
  std::vector<sdp::Candidate> usable;
  for (const sdp::Candidate& candidate : candidates) {
    if (usable.size() == kMaxRemoteCandidates) break;
    if (may_check(settings_.addresses, candidate.address)) usable.push_back(candidate);
  }
  stream.checklist.add_remote(usable);
  if (stream.phase == Phase::kChecking) unfreeze_unused(stream);
  for (const EarlyCheck& check : std::exchange(stream.early, {})) {
    // Whoever knew our password but not our user name spoke for another description.
    if (check.username == stream.local.ufrag + ":" + stream.remote->ufrag) triggered_check(index, stream, check, now);
  }
}

void Agent::start(TimePoint now) {
  for (auto& [index, stream] : streams_) {
    if (stream.phase != Phase::kWaiting || !stream.remote) continue;
    stream.phase = Phase::kChecking;
    stream.deadline = now + settings_.overall;
    unfreeze_unused(stream);
  }
  pace(now);
}

// Of each foundation, in all checklists together, one pair at a time waits; the others are frozen until it has
// succeeded or failed (RFC 8445 6.1.2.6, 6.1.4.2 step 2). The best such frozen pair.
std::optional<PairIndex> Agent::unfreezable(const Stream& stream) const {
  std::set<std::string> busy;
  for (const auto& [index, each] : streams_) {
    if (each.phase != Phase::kChecking) continue;
    for (const Pair& pair : each.checklist.pairs()) {
      const bool is_busy = pair.state == PairState::kWaiting || pair.state == PairState::kInProgress;
      if (is_busy) busy.insert(each.checklist.foundation_of(pair));
    }
  }
  const auto& pairs = stream.checklist.pairs();
  std::optional<PairIndex> best;
  for (PairIndex i = 0; i < pairs.size(); ++i) {
    if (pairs[i].state != PairState::kFrozen || (best && pairs[i].priority <= pairs[*best].priority)) continue;
    if (!busy.contains(stream.checklist.foundation_of(pairs[i]))) best = i;
  }
  return best;
}

void Agent::unfreeze_unused(Stream& stream) {
  while (const auto index = unfreezable(stream)) stream.checklist.pair(*index).state = PairState::kWaiting;
}

// ---- pacing (RFC 8445 6.1.4.2) ----

void Agent::on_timer(TimePoint now) {
  for (auto& [index, stream] : streams_) {
    if (stream.phase != Phase::kChecking) continue;
    if (stream.deadline && now >= *stream.deadline) {
      fail(index, stream, failure_of(stream));
    } else {
      consider_nomination(stream, now);
    }
  }
  drop_finished(now);
  pace(now);
}

// At most one message a step of the pace, whoever asked for it; answers are not paced, they are as many as requests.
void Agent::pace(TimePoint now) {
  if (next_send_ && now < *next_send_) return;
  if (send_one(now)) next_send_ = now + kPace;
}

bool Agent::send_one(TimePoint now) {
  // Streams take turns (RFC 8445 6.1.4.2): those behind the last one first.
  std::vector<StreamIndex> order;
  for (const auto& [index, stream] : streams_) {
    if (stream.remote) order.push_back(index);
  }
  std::ranges::rotate(order, std::ranges::upper_bound(order, last_served_));
  for (const StreamIndex index : order) {
    Stream& stream = streams_.at(index);
    if (stream.phase == Phase::kWaiting || stream.phase == Phase::kFailed) continue;
    if (const auto pair = stream.checklist.take_triggered()) {
      last_served_ = index;
      send_check(index, stream, *pair, now);
      return true;
    }
  }
  if (retransmit_one(now)) return true;
  for (const StreamIndex index : order) {
    Stream& stream = streams_.at(index);
    if (stream.phase != Phase::kChecking) continue;
    if (!stream.checklist.best(PairState::kWaiting)) unfreeze_unused(stream);
    const auto pair = stream.checklist.best(PairState::kWaiting);
    if (!pair) continue;
    last_served_ = index;
    send_check(index, stream, *pair, now);
    return true;
  }
  return false;
}

void Agent::send_check(StreamIndex index, Stream& stream, PairIndex at, TimePoint now) {
  Pair& pair = stream.checklist.pair(at);
  const sdp::Candidate& local = stream.checklist.local_of(pair);
  Transaction transaction;
  random_.fill(transaction.id);
  transaction.stream = index;
  transaction.pair = at;
  transaction.destination = stream.checklist.remote_of(pair).address;
  transaction.component = pair.component;
  transaction.use_candidate = settings_.controlling && pair.nominate;
  transaction.controlling = settings_.controlling;
  CheckRequest request;
  request.transaction = transaction.id;
  request.username = stream.remote->ufrag + ":" + stream.local.ufrag;
  request.priority = (kPeerReflexivePreference << 24U) | (local.priority & 0xffffffU);
  request.controlling = settings_.controlling;
  request.tie_breaker = settings_.tie_breaker;
  request.use_candidate = transaction.use_candidate;
  request.foundation = local.foundation;
  transaction.packet = write_request(request, form_, stream.remote->password.view());
  transaction.sends = 1;
  transaction.sent_at = now;
  // RFC 8445 14.3: all pairs at work have their turn before the first is sent again.
  transaction.interval = std::max<Duration>(kMinRto, kPace * static_cast<int>(pairs_at_work()));
  transaction.next_at = now + transaction.interval;
  pair.state = PairState::kInProgress;
  cancel_checks(index, at);
  if (transactions_.size() == kMaxTransactions) drop_oldest();
  emit(index, pair.component, transaction.destination, transaction.packet);
  transactions_.push_back(std::move(transaction));
}

bool Agent::retransmit_one(TimePoint now) {
  const auto due = std::ranges::find_if(transactions_, [now](const Transaction& transaction) {
    return !transaction.cancelled && transaction.sends < kMaxSends && now >= transaction.next_at;
  });
  if (due == transactions_.end()) return false;
  ++due->sends;
  due->interval *= 2;  // RFC 8489 6.2.1
  due->next_at = now + due->interval;
  emit(due->stream, due->component, due->destination, due->packet);
  return true;
}

// Checks that nobody answered in time: their pair has failed (RFC 8445 7.2.5.2.2).
void Agent::drop_finished(TimePoint now) {
  for (std::size_t i = 0; i < transactions_.size();) {
    const Transaction& transaction = transactions_[i];
    const bool given_up = transaction.sends >= kMaxSends && now >= transaction.next_at;
    const bool forgotten = transaction.cancelled && now >= transaction.sent_at + settings_.overall;
    if (!given_up && !forgotten) {
      ++i;
      continue;
    }
    if (given_up) give_up(transaction);
    transactions_.erase(transactions_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::size_t Agent::pairs_at_work() const {
  std::size_t count = 0;
  for (const auto& [index, stream] : streams_) {
    count += static_cast<std::size_t>(std::ranges::count_if(stream.checklist.pairs(), [](const Pair& pair) {
      return pair.state == PairState::kWaiting || pair.state == PairState::kInProgress;
    }));
  }
  return count;
}

void Agent::cancel_checks(StreamIndex index, PairIndex pair) {
  for (Transaction& transaction : transactions_) {
    if (transaction.stream == index && transaction.pair == pair) transaction.cancelled = true;
  }
}

// A cancelled one if there is one; a pair that loses its check has failed.
void Agent::drop_oldest() {
  auto oldest = std::ranges::find_if(transactions_, &Transaction::cancelled);
  if (oldest == transactions_.end()) {
    oldest = transactions_.begin();
    give_up(*oldest);
  }
  transactions_.erase(oldest);
}

void Agent::give_up(const Transaction& transaction) {
  const auto found = streams_.find(transaction.stream);
  if (found == streams_.end() || transaction.cancelled) return;
  Pair& pair = found->second.checklist.pair(transaction.pair);
  if (pair.state == PairState::kInProgress) pair.state = PairState::kFailed;
  pair.nominate = false;
}

bool Agent::has_check_to_send() const {
  return std::ranges::any_of(streams_, [this](const auto& entry) {
    const Stream& stream = entry.second;
    if (!stream.remote || stream.phase == Phase::kWaiting || stream.phase == Phase::kFailed) return false;
    if (stream.checklist.has_triggered()) return true;
    return stream.phase == Phase::kChecking &&
           (stream.checklist.best(PairState::kWaiting).has_value() || unfreezable(stream).has_value());
  });
}

std::optional<TimePoint> Agent::next_timer() const {
  std::optional<TimePoint> next;
  const auto take = [&next](TimePoint at) { next = next ? std::min(*next, at) : at; };
  const TimePoint paced = next_send_.value_or(TimePoint{});
  if (has_check_to_send()) take(paced);
  for (const Transaction& transaction : transactions_) {
    if (transaction.cancelled) {
      take(transaction.sent_at + settings_.overall);
    } else if (transaction.sends >= kMaxSends) {
      take(transaction.next_at);
    } else {
      take(std::max(transaction.next_at, paced));
    }
  }
  for (const auto& [index, stream] : streams_) {
    if (stream.phase != Phase::kChecking) continue;
    take(*stream.deadline);
    if (is_waiting_to_nominate(stream)) take(*stream.all_valid_since + kNominationWait);
  }
  return next;
}

// ---- nomination (RFC 8445 8) ----

// Controlling, regular nomination: the best valid pair of each component, once nothing better can come of it or the
// wait is over.
void Agent::consider_nomination(Stream& stream, TimePoint now) {
  if (!settings_.controlling || stream.phase != Phase::kChecking) return;
  const auto valid = [&](std::uint16_t component) {
    return stream.checklist.best_of_component(PairState::kSucceeded, component);
  };
  if (!std::ranges::all_of(stream.components, [&](std::uint16_t component) {
        return is_nominating(stream, component) || valid(component);
      })) {
    stream.all_valid_since.reset();
    return;
  }
  if (!stream.all_valid_since) stream.all_valid_since = now;
  const bool waited = now >= *stream.all_valid_since + kNominationWait;
  for (const std::uint16_t component : stream.components) {
    if (is_nominating(stream, component)) continue;
    const PairIndex best = *valid(component);
    const bool better_may_come = std::ranges::any_of(stream.checklist.pairs(), [&](const Pair& pair) {
      return pair.component == component && pair.priority > stream.checklist.pair(best).priority &&
             pair.state != PairState::kFailed && pair.state != PairState::kSucceeded;
    });
    if (better_may_come && !waited) continue;
    stream.checklist.pair(best).nominate = true;
    stream.checklist.trigger(best);  // RFC 8445 8.1.1: a check again, with USE-CANDIDATE
  }
}

bool Agent::is_nominating(const Stream& stream, std::uint16_t component) {
  return stream.selected.contains(component) ||
         std::ranges::any_of(stream.checklist.pairs(),
                             [component](const Pair& pair) { return pair.component == component && pair.nominate; });
}

bool Agent::is_waiting_to_nominate(const Stream& stream) const {
  return settings_.controlling && stream.all_valid_since &&
         !std::ranges::all_of(stream.components,
                              [&](std::uint16_t component) { return is_nominating(stream, component); });
}

void Agent::select(StreamIndex index, Stream& stream, PairIndex at, TimePoint now) {
  Pair& pair = stream.checklist.pair(at);
  pair.nominated = true;
  pair.nominate = false;
  const auto [entry, is_first] = stream.selected.try_emplace(pair.component, Selected{at, now});
  if (!is_first && entry->second.pair != at) {
    const Pair& before = stream.checklist.pair(entry->second.pair);
    const bool one_of_many = now < entry->second.at + kAggressiveWindow;
    if (!one_of_many || pair.priority > before.priority) entry->second.pair = at;
  }
  // RFC 8445 8.1.2: the other pairs of the component are not checked any more.
  for (PairIndex i = 0; i < stream.checklist.pairs().size(); ++i) {
    Pair& each = stream.checklist.pair(i);
    if (each.component != pair.component || i == at) continue;
    if (each.state == PairState::kInProgress) cancel_checks(index, i);
    if (each.state != PairState::kSucceeded) {
      stream.checklist.drop_triggered(i);
      each.state = PairState::kFailed;
    }
  }
  complete_if_done(stream);
}

void Agent::complete_if_done(Stream& stream) {
  if (stream.phase != Phase::kChecking) return;
  if (std::ranges::all_of(stream.components,
                          [&](std::uint16_t component) { return stream.selected.contains(component); })) {
    stream.phase = Phase::kNominated;
  }
}

void Agent::fail(StreamIndex index, Stream& stream, Failure why) {
  stream.phase = Phase::kFailed;
  stream.failure = why;
  std::erase_if(transactions_, [index](const Transaction& transaction) { return transaction.stream == index; });
}

Failure Agent::failure_of(const Stream& stream) const {
  if (stream.checklist.pairs().empty()) return Failure::kNoCandidates;
  std::set<std::uint16_t> valid;
  for (const Pair& pair : stream.checklist.pairs()) {
    if (pair.state == PairState::kSucceeded || pair.nominated) valid.insert(pair.component);
  }
  if (valid.empty()) return Failure::kNoPair;
  return valid.size() < stream.components.size() ? Failure::kOneComponent : Failure::kNotNominated;
}

void Agent::switch_role(bool controlling) {
  if (settings_.controlling == controlling) return;
  settings_.controlling = controlling;
  for (auto& [index, stream] : streams_) {
    stream.checklist.set_controlling(controlling);
    for (PairIndex i = 0; i < stream.checklist.pairs().size(); ++i) stream.checklist.pair(i).nominate = false;
    stream.all_valid_since.reset();
  }
}

StreamStatus Agent::status(StreamIndex index) const {
  StreamStatus status;
  const auto found = streams_.find(index);
  if (found == streams_.end()) return status;
  const Stream& stream = found->second;
  status.phase = stream.phase;
  status.failure = stream.failure;
  status.pairs = stream.checklist.pairs().size();
  status.valid = static_cast<std::size_t>(std::ranges::count_if(
      stream.checklist.pairs(), [](const Pair& pair) { return pair.state == PairState::kSucceeded; }));
  status.last_error = stream.last_error;
  for (const auto& [component, selected] : stream.selected) {
    const SocketAddress& remote = stream.checklist.remote_of(stream.checklist.pair(selected.pair)).address;
    (component == 2 ? status.rtcp : status.rtp) = remote;
  }
  return status;
}

void Agent::emit(StreamIndex stream, std::uint16_t component, const SocketAddress& destination,
                 std::vector<std::uint8_t> packet) {
  if (packet.empty()) return;
  outgoing_.push_back({stream, contract_component(component), destination, std::move(packet)});
}

}  // namespace isthmus::ice
