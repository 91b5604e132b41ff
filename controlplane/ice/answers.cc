// What the peer answers to our checks (RFC 8445 7.2.5).

#include <algorithm>

#include "controlplane/ice/agent.h"

namespace isthmus::ice {

void Agent::on_answer(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                      const wire::StunMessage& message, TimePoint now) {
  const auto found = std::ranges::find_if(transactions_, [&](const Transaction& transaction) {
    return transaction.id == message.header.transaction && transaction.stream == index;
  });
  if (found == transactions_.end()) {
    ++counters_.unexpected_answers;  // forged, or a copy: the peer answered both sends of one request
    return;
  }
  const Transaction transaction = std::move(*found);
  transactions_.erase(found);
  if (source != transaction.destination || component != transaction.component) {  // 7.2.5.2.1
    ++counters_.asymmetric_answers;
    Pair& pair = stream.checklist.pair(transaction.pair);
    if (pair.state == PairState::kInProgress) pair.state = PairState::kFailed;
    pair.nominate = false;
    return;
  }
  if (message.header.is(wire::StunType::kBindingError)) {
    return on_error(stream, transaction, message.error_code.value_or(500));
  }
  on_success(stream, transaction, now);
}

// The valid pair is the one checked: behind a host candidate of ours only its own port can be (RFC 8445 7.2.5.3.2; a
// mapped address that differs would be a translation between us and the peer, with the same base).
void Agent::on_success(Stream& stream, const Transaction& transaction, TimePoint now) {
  cancel_checks(transaction.stream, transaction.pair);
  stream.checklist.drop_triggered(transaction.pair);
  Pair& pair = stream.checklist.pair(transaction.pair);
  if (pair.state == PairState::kFailed && stream.selected.contains(pair.component)) return;  // pruned meanwhile
  pair.state = PairState::kSucceeded;
  unfreeze(stream.checklist.foundation_of(pair));
  if (transaction.controlling != settings_.controlling) return;
  if (settings_.controlling && !transaction.use_candidate) {
    // An ordinary check that was answered after the pair was chosen for nomination: that check is still to come.
    if (pair.nominate) stream.checklist.trigger(transaction.pair);
    return;
  }
  if (transaction.use_candidate || pair.nominate) select(transaction.stream, stream, transaction.pair, now);
}

void Agent::on_error(Stream& stream, const Transaction& transaction, std::uint16_t code) {
  stream.last_error = code;
  Pair& pair = stream.checklist.pair(transaction.pair);
  if (code == 487) {  // RFC 8445 7.2.5.1
    ++counters_.role_conflicts;
    if (transaction.controlling == settings_.controlling) {
      switch_role(!transaction.controlling);
      settings_.tie_breaker = random_.next_u64();
    }
    if (pair.state == PairState::kInProgress) stream.checklist.trigger(transaction.pair);
    return;
  }
  // RFC 8445 7.2.5.2.4: whatever else it is, the pair is no good.
  if (transaction.cancelled) return;
  if (pair.state == PairState::kInProgress) pair.state = PairState::kFailed;
  pair.nominate = false;
}

// RFC 8445 7.2.5.3.3: others of the foundation will probably work as well.
void Agent::unfreeze(const std::string& foundation) {
  for (auto& [index, stream] : streams_) {
    if (stream.phase != Phase::kChecking) continue;
    for (PairIndex i = 0; i < stream.checklist.pairs().size(); ++i) {
      Pair& pair = stream.checklist.pair(i);
      if (pair.state == PairState::kFrozen && stream.checklist.foundation_of(pair) == foundation) {
        pair.state = PairState::kWaiting;
      }
    }
  }
}

}  // namespace isthmus::ice
