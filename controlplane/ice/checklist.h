#pragma once

// The checklist of one stream (RFC 8445 6.1.2): candidates, pairs in order, the queue of triggered checks. It knows no
// message, no clock and no role but to order pairs by.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/sdp/candidate.h"
#include "dataplane/base/address.h"

namespace isthmus::ice {

inline constexpr std::size_t kMaxPairs = 100;            ///< of a stream (RFC 8445 6.1.2.5)
inline constexpr std::size_t kMaxRemoteCandidates = 64;  ///< of a section (threat model B1)
inline constexpr std::size_t kMaxPeerReflexive = 16;     ///< learnt from checks, of a stream

enum class PairState : std::uint8_t { kFrozen, kWaiting, kInProgress, kSucceeded, kFailed };

struct Pair {
  std::size_t local = 0;   ///< index into Checklist::local()
  std::size_t remote = 0;  ///< index into Checklist::remote()
  std::uint16_t component = 1;
  std::uint64_t priority = 0;
  PairState state = PairState::kFrozen;
  bool nominate =
      false;  ///< controlling: its next check carries USE-CANDIDATE; controlled: one came that we owe a check
  bool nominated = false;  ///< a check with USE-CANDIDATE succeeded
};

/// Names a pair of one checklist; stays good while others are added (pairs are never taken out, only failed).
using PairIndex = std::size_t;

/// RFC 8445 6.1.2.3; G is the controlling side's priority.
std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled);

class Checklist {
 public:
  Checklist(std::vector<sdp::Candidate> local, bool controlling);

  /// Forms pairs with candidates of the peer, the first kMaxRemoteCandidates of them; those of a component, family or
  /// transport that we have no candidate for form none. Over TCP we only dial (RFC 6544 6.2): who dials us forms a pair
  /// when his check comes. Peer-reflexive ones that turn out to be signalled get their real foundation and priority
  /// (RFC 8445 7.3.1.3).
  void add_remote(const std::vector<sdp::Candidate>& candidates);
  /// A source that no candidate stands for (RFC 8445 7.3.1.3); empty when there are too many.
  std::optional<PairIndex> add_peer_reflexive(std::uint16_t component, const SocketAddress& source,
                                              std::uint32_t priority);
  std::optional<PairIndex> find(std::uint16_t component, const SocketAddress& remote) const;

  void set_controlling(bool controlling);

  bool is_over_tcp() const { return !local_.empty() && sdp::is_tcp(local_.front().transport); }
  const std::vector<sdp::Candidate>& local() const { return local_; }
  const std::vector<sdp::Candidate>& remote() const { return remote_; }
  const std::vector<Pair>& pairs() const { return pairs_; }
  Pair& pair(PairIndex index) { return pairs_[index]; }
  const Pair& pair(PairIndex index) const { return pairs_[index]; }
  const sdp::Candidate& local_of(const Pair& pair) const { return local_[pair.local]; }
  const sdp::Candidate& remote_of(const Pair& pair) const { return remote_[pair.remote]; }
  /// Equal ones are of one foundation (RFC 8445 6.1.2.6).
  std::string foundation_of(const Pair& pair) const;

  /// Queued once, however often it is triggered; the state becomes Waiting.
  void trigger(PairIndex index);
  std::optional<PairIndex> take_triggered();
  bool has_triggered() const { return !triggered_.empty(); }
  void drop_triggered(PairIndex index);

  /// The one of highest priority in this state; empty: none.
  std::optional<PairIndex> best(PairState state) const;
  std::optional<PairIndex> best_of_component(PairState state, std::uint16_t component) const;

 private:
  void form(std::size_t local, std::size_t remote);
  std::uint64_t priority_of(const Pair& pair) const;

  std::vector<sdp::Candidate> local_;
  std::vector<sdp::Candidate> remote_;
  std::size_t peer_reflexive_ = 0;
  bool controlling_ = false;
  std::vector<Pair> pairs_;
  std::deque<PairIndex> triggered_;
};

}  // namespace isthmus::ice
