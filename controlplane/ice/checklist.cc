#include "controlplane/ice/checklist.h"

#include <algorithm>

namespace isthmus::ice {

std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) {
  const std::uint64_t low = std::min(controlling, controlled);
  const std::uint64_t high = std::max(controlling, controlled);
  return (low << 32U) + 2 * high + (controlling > controlled ? 1U : 0U);
}

namespace {

bool may_dial(sdp::CandidateTransport ours, sdp::CandidateTransport theirs) {
  using sdp::CandidateTransport;
  if (ours == CandidateTransport::kUdp) return theirs == CandidateTransport::kUdp;
  return ours == CandidateTransport::kTcpActive && theirs == CandidateTransport::kTcpPassive;
}

}  // namespace

Checklist::Checklist(std::vector<sdp::Candidate> local, bool controlling)
    : local_(std::move(local)), controlling_(controlling) {}

void Checklist::add_remote(const std::vector<sdp::Candidate>& candidates) {
  std::vector<std::pair<std::size_t, std::size_t>> wanted;
  std::size_t taken = 0;
  for (const sdp::Candidate& candidate : candidates) {
    if (sdp::is_tcp(candidate.transport) != is_over_tcp()) continue;
    if (taken == kMaxRemoteCandidates) break;
    ++taken;
    const auto known = std::ranges::find_if(remote_, [&](const sdp::Candidate& have) {
      const bool same_place = have.component == candidate.component && have.address == candidate.address;
      return same_place && have.transport == candidate.transport;
    });
    if (known != remote_.end()) {
      if (known->type == sdp::CandidateType::kPeerReflexive) *known = candidate;
      continue;
    }
    remote_.push_back(candidate);
    for (std::size_t local = 0; local < local_.size(); ++local) {
      if (may_dial(local_[local].transport, candidate.transport)) wanted.emplace_back(local, remote_.size() - 1);
    }
  }
  // Where they are too many the best stay (RFC 8445 6.1.2.5); equal ones in the order of the description.
  std::ranges::sort(wanted, [&](const auto& a, const auto& b) {
    const std::uint64_t left = priority_of({.local = a.first, .remote = a.second});
    const std::uint64_t right = priority_of({.local = b.first, .remote = b.second});
    return left != right ? left > right : a < b;
  });
  for (const auto& [local, remote] : wanted) form(local, remote);
  set_controlling(controlling_);
}

// Host candidates are their own base, so two pairs are never redundant (RFC 8445 6.1.2.4) as long as only those are
// gathered; server-reflexive and relayed ones will be paired by their base here.
void Checklist::form(std::size_t local, std::size_t remote) {
  const sdp::Candidate& ours = local_[local];
  const sdp::Candidate& theirs = remote_[remote];
  if (ours.component != theirs.component || ours.address.ip.family != theirs.address.ip.family) return;
  if (pairs_.size() == kMaxPairs) return;
  Pair pair{.local = local, .remote = remote, .component = ours.component};
  pair.priority = priority_of(pair);
  pairs_.push_back(pair);
}

std::optional<PairIndex> Checklist::add_peer_reflexive(std::uint16_t component, const SocketAddress& source,
                                                       std::uint32_t priority) {
  if (peer_reflexive_ == kMaxPeerReflexive || pairs_.size() == kMaxPairs) return std::nullopt;
  const auto ours = std::ranges::find_if(local_, [&](const sdp::Candidate& candidate) {
    return candidate.component == component && candidate.address.ip.family == source.ip.family &&
           candidate.transport != sdp::CandidateTransport::kTcpActive;
  });
  if (ours == local_.end()) return std::nullopt;
  ++peer_reflexive_;
  sdp::Candidate candidate;
  // Different from all others (RFC 8445 7.3.1.3): "p" is no foundation of ours, and peers write numbers.
  candidate.foundation = "p" + std::to_string(peer_reflexive_);
  candidate.component = component;
  candidate.priority = priority;
  candidate.address = source;
  candidate.type = sdp::CandidateType::kPeerReflexive;
  if (is_over_tcp()) candidate.transport = sdp::CandidateTransport::kTcpActive;
  remote_.push_back(std::move(candidate));
  form(static_cast<std::size_t>(ours - local_.begin()), remote_.size() - 1);
  return pairs_.size() - 1;
}

std::optional<PairIndex> Checklist::find(std::uint16_t component, const SocketAddress& remote) const {
  for (PairIndex i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].component == component && remote_of(pairs_[i]).address == remote) return i;
  }
  return std::nullopt;
}

void Checklist::set_controlling(bool controlling) {
  controlling_ = controlling;
  for (Pair& pair : pairs_) pair.priority = priority_of(pair);
}

std::uint64_t Checklist::priority_of(const Pair& pair) const {
  const std::uint32_t ours = local_[pair.local].priority;
  const std::uint32_t theirs = remote_[pair.remote].priority;
  return controlling_ ? pair_priority(ours, theirs) : pair_priority(theirs, ours);
}

std::string Checklist::foundation_of(const Pair& pair) const {
  return local_of(pair).foundation + ":" + remote_of(pair).foundation;
}

void Checklist::trigger(PairIndex index) {
  pairs_[index].state = PairState::kWaiting;
  if (std::ranges::find(triggered_, index) == triggered_.end()) triggered_.push_back(index);
}

std::optional<PairIndex> Checklist::take_triggered() {
  if (triggered_.empty()) return std::nullopt;
  const PairIndex index = triggered_.front();
  triggered_.pop_front();
  return index;
}

void Checklist::drop_triggered(PairIndex index) { std::erase(triggered_, index); }

std::optional<PairIndex> Checklist::best(PairState state) const {
  std::optional<PairIndex> found;
  for (PairIndex i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].state == state && (!found || pairs_[i].priority > pairs_[*found].priority)) found = i;
  }
  return found;
}

std::optional<PairIndex> Checklist::best_of_component(PairState state, std::uint16_t component) const {
  std::optional<PairIndex> found;
  for (PairIndex i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].state != state || pairs_[i].component != component) continue;
    if (!found || pairs_[i].priority > pairs_[*found].priority) found = i;
  }
  return found;
}

}  // namespace isthmus::ice
