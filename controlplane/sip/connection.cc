#include "controlplane/sip/connection.h"

#include <algorithm>

namespace isthmus::sip {

namespace {

Error timed_out(const char* what) { return {ErrorKind::kUnavailable, what}; }

}  // namespace

TransportLayer::Connection::Connection(TransportLayer& owner, ConnectionId id, std::unique_ptr<Stream> stream,
                                       const Flow& flow, bool is_outgoing, std::string peer_name)
    : owner_(owner),
      stream_(std::move(stream)),
      flow_(flow),
      is_outgoing_(is_outgoing),
      peer_name_(std::move(peer_name)),
      is_connected_(!is_outgoing && flow.transport != Transport::kTls),
      is_shaking_hands_(!is_outgoing && flow.transport == Transport::kTls),
      started_(owner.timers_.now()),
      active_(started_) {
  flow_.connection = id;
}

TransportLayer::Connection::~Connection() { owner_.timers_.cancel(timer_); }

void TransportLayer::Connection::start() {
  stream_->start(*this);
  arm();
}

bool TransportLayer::Connection::write(std::string_view bytes) {
  if (stream_->unsent() + bytes.size() > owner_.settings_.max_unsent_bytes) return false;
  stream_->write(bytes);
  return true;
}

void TransportLayer::Connection::retire() {
  is_retired_ = true;
  end_handshake();
  owner_.timers_.cancel(timer_);
  stream_->close();
}

void TransportLayer::Connection::on_connected() {
  is_connected_ = true;
  flow_.local = stream_->local();
  if (is_outgoing_) owner_.no_tcp_.erase(flow_.remote);
  active_ = owner_.timers_.now();
  if (const TlsOutcome* const outcome = stream_->tls()) take_identity(*outcome);
  arm();
}

void TransportLayer::Connection::take_identity(const TlsOutcome& outcome) {
  ++owner_.counters_.tls_handshakes;
  if (!outcome.names.empty()) {
    if (!is_outgoing_) peer_name_ = outcome.names.front();
    const bool is_known = std::ranges::any_of(
        outcome.names, [this](const std::string& name) { return owner_.known_names_.contains(name); });
    flow_.peer = std::make_shared<const VerifiedPeer>(VerifiedPeer{peer_name_, outcome.names, is_known});
  }
  if (is_outgoing_) return;
  end_handshake();
  started_ = active_;  // the first message has its own time
  owner_.enlist(*this);
}

void TransportLayer::Connection::end_handshake() {
  if (std::exchange(is_shaking_hands_, false)) owner_.sources_.release_handshake(flow_.remote.ip);
}

void TransportLayer::Connection::on_closed(const Error& why) {
  const TlsOutcome* const outcome = stream_->tls();
  if (outcome != nullptr && outcome->failure != TlsFailure::kNone) {
    owner_.report_tls(*this, outcome->failure, outcome->detail);
  } else if (is_outgoing_ && !is_connected_) {
    ++owner_.counters_.connect_failed;
    if (flow_.transport == Transport::kTcp) owner_.note_no_tcp(flow_.remote);
  }
  close(why);
}

void TransportLayer::Connection::close(const Error& why) {
  if (!is_retired_) owner_.drop(flow_.connection, why);
}

void TransportLayer::Connection::on_received(std::string_view bytes) {
  if (is_retired_) return;
  active_ = owner_.timers_.now();
  framer_.append(bytes);
  while (!is_retired_) {
    const Cut cut = framer_.next();
    if (cut.kind == Cut::Kind::kNeedMore) break;
    message_began_.reset();
    take(cut);
  }
  if (is_retired_) return;
  if (!framer_.is_inside_message()) {
    message_began_.reset();
  } else if (!message_began_) {
    message_began_ = active_;
  }
  arm();
}

void TransportLayer::Connection::take(const Cut& cut) {
  switch (cut.kind) {
    case Cut::Kind::kNeedMore: return;
    case Cut::Kind::kPing:
      if (owner_.take_keep_alive(flow_) && !write("\r\n")) close(timed_out("the peer does not read"));
      return;
    case Cut::Kind::kMessage:
      has_spoken_ = true;
      owner_.take_message(cut.bytes, flow_);
      return;
    case Cut::Kind::kOversize:
      has_spoken_ = true;
      ++owner_.counters_.oversize_answered;
      owner_.refuse_message(parse_message(cut.bytes).message, cut.refusal, flow_);
      return;
    case Cut::Kind::kBroken: {
      ++owner_.counters_.framing_lost;
      if (!cut.bytes.empty()) {
        const ParseOutcome head = parse_message(cut.bytes);
        if (head.can_answer) owner_.refuse_message(head.message, cut.refusal, flow_);
      }
      return close({ErrorKind::kMalformedInput, cut.refusal.detail});
    }
  }
}

std::optional<event_loop::TimePoint> TransportLayer::Connection::deadline() const {
  const TransportSettings& settings = owner_.settings_;
  if (!is_connected_) return started_ + (is_outgoing_ ? settings.connect_timeout : settings.handshake_timeout);
  std::optional<event_loop::TimePoint> earliest;
  const auto consider = [&earliest](event_loop::TimePoint at) { earliest = earliest ? std::min(*earliest, at) : at; };
  if (message_began_) consider(*message_began_ + settings.message_timeout);
  if (is_outgoing_) return earliest;
  if (!has_spoken_) consider(started_ + settings.first_request_timeout);
  const bool is_vouched_for = flow_.peer && flow_.peer->is_known;
  if (!owner_.sources_.is_known(flow_.remote.ip, is_vouched_for)) consider(active_ + settings.idle_timeout);
  return earliest;
}

void TransportLayer::Connection::arm() {
  const auto at = deadline();
  // A deadline that moved away needs nothing: the timer finds out when it fires.
  if (!at || (timer_ != event_loop::kNoTimer && armed_for_ <= *at)) return;
  owner_.timers_.cancel(timer_);
  armed_for_ = *at;
  timer_ = owner_.timers_.start(*at - owner_.timers_.now(), [this] { on_timer(); });
}

void TransportLayer::Connection::on_timer() {
  timer_ = event_loop::kNoTimer;
  const auto now = owner_.timers_.now();
  const auto at = deadline();
  if (!at || *at > now) return arm();
  Counters& counters = owner_.counters_;
  const TlsOutcome* const outcome = stream_->tls();
  if (!is_connected_ && outcome != nullptr && outcome->stage == TlsOutcome::Stage::kHandshake) {
    owner_.report_tls(*this, TlsFailure::kTimedOut, {});
    return close(timed_out("the TLS handshake did not end in time"));
  }
  if (!is_connected_) {
    ++counters.connect_timed_out;
    if (flow_.transport == Transport::kTcp) owner_.note_no_tcp(flow_.remote);
    return close(timed_out("the connection was not made in time"));
  }
  if (message_began_ && *message_began_ + owner_.settings_.message_timeout <= now) {
    ++counters.message_timed_out;
    return close(timed_out("a message did not end in time"));
  }
  if (!has_spoken_ && started_ + owner_.settings_.first_request_timeout <= now) {
    ++counters.first_request_timed_out;
    return close(timed_out("no first message in time"));
  }
  ++counters.idle_timed_out;
  close(timed_out("nothing came for too long"));
}

}  // namespace isthmus::sip
