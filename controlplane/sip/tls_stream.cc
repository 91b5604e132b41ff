#include "controlplane/sip/tls_stream.h"

#include <array>
#include <utility>

namespace isthmus::sip {

namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;  // RFC 8446 5.1: the most that one holds

}  // namespace

TlsStream::TlsStream(std::unique_ptr<Stream> below, std::unique_ptr<TlsSession> session, bool is_accepted)
    : below_(std::move(below)), session_(std::move(session)) {
  outcome_.stage = is_accepted ? TlsOutcome::Stage::kHandshake : TlsOutcome::Stage::kConnecting;
}

TlsStream::~TlsStream() = default;

void TlsStream::start(StreamEvents& events) {
  events_ = &events;
  below_->start(*this);
}

void TlsStream::write(std::string_view bytes) {
  if (is_closed_) return;
  if (session_->state() == TlsSession::State::kHandshake) {
    waiting_.append(bytes);
    return;
  }
  session_->write(bytes);
  send_outgoing();
}

std::size_t TlsStream::unsent() const { return waiting_.size() + below_->unsent(); }

void TlsStream::close() {
  events_ = nullptr;
  if (std::exchange(is_closed_, true)) return;
  session_->end();
  send_outgoing();
  below_->close();
}

void TlsStream::on_connected() {
  outcome_.stage = TlsOutcome::Stage::kHandshake;
  shake_hands();
}

void TlsStream::on_received(std::string_view bytes) {
  if (is_closed_) return;
  session_->take(bytes);
  if (session_->state() == TlsSession::State::kHandshake) return shake_hands();
  deliver();
}

void TlsStream::on_sent() {
  if (events_ != nullptr && outcome_.stage == TlsOutcome::Stage::kOpen) events_->on_sent();
}

void TlsStream::on_closed(const Error& why) {
  if (is_closed_) return;
  is_closed_ = true;
  if (outcome_.stage == TlsOutcome::Stage::kHandshake && outcome_.failure == TlsFailure::kNone) {
    outcome_.failure = TlsFailure::kPeerLeft;
    outcome_.detail = why.message;
  }
  StreamEvents* const events = std::exchange(events_, nullptr);
  if (events != nullptr) events->on_closed(why);
}

void TlsStream::shake_hands() {
  const TlsSession::State state = session_->advance();
  send_outgoing();
  if (state == TlsSession::State::kHandshake) return;
  if (state != TlsSession::State::kOpen) return finish();
  outcome_ = session_->outcome();
  const std::weak_ptr<char> alive(alive_);
  if (events_ != nullptr) events_->on_connected();
  if (alive.expired() || is_closed_) return;
  if (!waiting_.empty()) {
    session_->write(std::exchange(waiting_, {}));
    send_outgoing();
  }
  deliver();
}

void TlsStream::deliver() {
  std::array<char, kRecordBytes> plain;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled before it is read
  const std::weak_ptr<char> alive(alive_);
  while (!is_closed_) {
    const std::size_t got = session_->read(plain);
    if (got == 0) break;
    if (events_ != nullptr) events_->on_received({plain.data(), got});
    if (alive.expired()) return;
  }
  if (is_closed_) return;
  send_outgoing();  // answers of TLS itself: alerts, key updates
  if (session_->state() != TlsSession::State::kOpen) finish();
}

void TlsStream::send_outgoing() {
  const std::string wire = session_->take_outgoing();
  if (!wire.empty()) below_->write(wire);
}

void TlsStream::finish() {
  is_closed_ = true;
  const auto stage = outcome_.stage;
  outcome_ = session_->outcome();
  outcome_.stage = stage;
  session_->end();  // answers the peer's close_notify; a peer that still wants to read gets no more from us
  send_outgoing();
  below_->close();
  StreamEvents* const events = std::exchange(events_, nullptr);
  if (events == nullptr) return;
  if (outcome_.failure == TlsFailure::kNone) {
    events->on_closed({ErrorKind::kUnavailable, "the peer ended the connection"});
  } else {
    events->on_closed(
        {ErrorKind::kProtocolViolation, "TLS: " + std::string(to_string(outcome_.failure)) +
                                            (outcome_.detail.empty() ? "" : " (" + outcome_.detail + ")")});
  }
}

}  // namespace isthmus::sip
