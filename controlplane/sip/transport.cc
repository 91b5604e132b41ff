#include "controlplane/sip/transport.h"

#include <algorithm>
#include <utility>

#include "controlplane/sip/connection.h"
#include "controlplane/sip/parser.h"
#include "controlplane/sip/peer_name.h"
#include "controlplane/sip/text.h"
#include "controlplane/sip/tls_stream.h"
#include "controlplane/sip/token.h"
#include "dataplane/base/log.h"

namespace isthmus::sip {

namespace {

constexpr std::uint16_t kDefaultPort = 5060;
constexpr std::uint16_t kDefaultTlsPort = 5061;

std::uint16_t default_port(Transport transport) {
  return transport == Transport::kTls ? kDefaultTlsPort : kDefaultPort;
}

/// Lines about TLS in the log; more are only counted (threat model B8).
constexpr std::size_t kTlsLinesPerSpan = 20;
constexpr std::chrono::seconds kTlsLinesSpan{10};

/// "192.0.2.1", "[2001:db8::1]"
std::string host_text(const IpAddress& ip) {
  return ip.is_v6() ? "[" + isthmus::to_string(ip) + "]" : isthmus::to_string(ip);
}

/// RFC 3261 18.2.1 and RFC 3581 4. `received` also stands when it equals sent-by if rport was asked for.
void stamp_top_via(Message& request, const Flow& flow) {
  const Via& via = request.vias().front();
  const bool wants_rport = via.parameter("rport").has_value();
  const auto sent_by = IpAddress::parse(via.host);
  if (!sent_by || *sent_by != flow.remote.ip || wants_rport) {
    request.set_top_via_parameter("received", isthmus::to_string(flow.remote.ip));
  }
  if (wants_rport) request.set_top_via_parameter("rport", std::to_string(flow.remote.port));
}

bool is_vouched_for(const Flow& flow) { return flow.peer && flow.peer->is_known; }

/// Outside of dialogs: what starts work here. ACK and CANCEL need something that is there already.
bool is_new_request(const Message& message) {
  return message.is_request() && message.to_tag().empty() && message.method() != Method::kAck &&
         message.method() != Method::kCancel;
}

}  // namespace

struct TransportLayer::Listener {
  std::string name;
  Transport transport = Transport::kUdp;
  SocketAddress local;
  std::string host;  // for Via
  std::unique_ptr<DatagramSocket> datagrams;
  std::unique_ptr<StreamListener> streams;
  std::shared_ptr<const TlsContext> tls;
};

struct TransportLayer::Dropped {
  std::unique_ptr<Connection> connection;
  Error why;
};

std::string_view to_string(Transport transport) {
  switch (transport) {
    case Transport::kUdp: return "UDP";
    case Transport::kTcp: return "TCP";
    case Transport::kTls: return "TLS";
  }
  return "UDP";
}

Target target_back(const Flow& flow) {
  return {flow.transport, flow.remote, flow.listener, flow.peer ? flow.peer->name : std::string{}};
}

Result<NextHop> next_hop_of(const Uri& uri, Transport default_transport) {
  if (!uri.is_sip()) return fail(ErrorKind::kInvalidArgument, "the next hop is no sip URI");
  NextHop hop{default_transport, std::string(uri.parameter("maddr").value_or(uri.host)), uri.port};
  if (const auto transport = uri.parameter("transport")) {
    if (text::same(*transport, "udp")) {
      hop.transport = Transport::kUdp;
    } else if (text::same(*transport, "tcp")) {
      hop.transport = Transport::kTcp;
    } else if (text::same(*transport, "tls")) {
      hop.transport = Transport::kTls;
    } else {
      return fail(ErrorKind::kInvalidArgument, "the transport of the next hop is not known here");
    }
  }
  if (uri.scheme == "sips") hop.transport = Transport::kTls;
  return hop;
}

Result<Target> target_of(const Uri& uri, ListenerId listener, Transport default_transport) {
  const auto hop = next_hop_of(uri, default_transport);
  if (!hop) return forward_error(hop);
  const auto ip = IpAddress::parse(hop->host);
  if (!ip) return fail(ErrorKind::kUnavailable, "the next hop is a name that nobody resolved");
  return Target{hop->transport, {*ip, hop->port != 0 ? hop->port : default_port(hop->transport)}, listener, {}};
}

std::size_t TransportLayer::TargetHash::operator()(const Target& target) const noexcept {
  return (std::hash<SocketAddress>{}(target.address) * 31 + std::hash<std::string>{}(target.peer_name)) * 31 +
         static_cast<std::size_t>(target.listener) * 4 + static_cast<std::size_t>(target.transport);
}

TransportLayer::TransportLayer(Network& network, event_loop::Timers& timers, RandomSource& random,
                               TransportSettings settings)
    : network_(network),
      timers_(timers),
      random_(random),
      settings_(std::move(settings)),
      sources_(timers, settings_.source) {}

TransportLayer::~TransportLayer() { timers_.cancel(burial_); }

Result<ListenerId> TransportLayer::listen(const ListenerSettings& settings) {
  if (settings.transport == Transport::kTls && settings.tls == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "a TLS listener needs a certificate", settings.name);
  }
  if (settings.address.ip.is_unspecified() && settings.advertised_host.empty()) {
    return fail(ErrorKind::kInvalidArgument, "a listener on every address needs a name for Via", settings.name);
  }
  const ListenerId id{static_cast<std::uint32_t>(listeners_.size())};
  auto listener = std::make_unique<Listener>();
  listener->name = settings.name;
  listener->transport = settings.transport;
  listener->tls = settings.tls;
  if (settings.transport == Transport::kUdp) {
    auto socket = network_.open_udp(settings.address, [this, id](std::string_view bytes, const SocketAddress& from) {
      on_datagram(id, bytes, from);
    });
    if (!socket) return forward_error(socket);
    listener->datagrams = std::move(*socket);
    listener->local = listener->datagrams->local();
  } else {
    auto acceptor = network_.listen_tcp(
        settings.address, [this, id](std::unique_ptr<Stream> stream) { on_accepted(id, std::move(stream)); });
    if (!acceptor) return forward_error(acceptor);
    listener->streams = std::move(*acceptor);
    listener->local = listener->streams->local();
  }
  listener->host = settings.advertised_host.empty() ? host_text(listener->local.ip) : settings.advertised_host;
  listeners_.push_back(std::move(listener));
  return id;
}

SocketAddress TransportLayer::local_address(ListenerId listener) const {
  return listeners_.at(static_cast<std::size_t>(listener))->local;
}

Transport TransportLayer::transport_of(ListenerId listener) const {
  return listeners_.at(static_cast<std::size_t>(listener))->transport;
}

std::string TransportLayer::sent_by(ListenerId listener) const {
  const Listener& found = *listeners_.at(static_cast<std::size_t>(listener));
  return found.host + ":" + std::to_string(found.local.port);
}

Result<ListenerId> TransportLayer::find_listener(Transport transport) const {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i]->transport == transport) return ListenerId{static_cast<std::uint32_t>(i)};
  }
  return fail(ErrorKind::kUnavailable, "no listener with this transport");
}

Status TransportLayer::set_tls(ListenerId listener, std::shared_ptr<const TlsContext> tls) {
  const auto index = static_cast<std::size_t>(listener);
  if (index >= listeners_.size() || listeners_[index]->transport != Transport::kTls || tls == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "is no TLS listener", "listener");
  }
  listeners_[index]->tls = std::move(tls);
  return {};
}

void TransportLayer::set_known_sources(const std::vector<IpAddress>& sources, const std::vector<IpPrefix>& ranges) {
  sources_.set_known(sources, ranges);
}

void TransportLayer::set_known_names(const std::vector<std::string>& names) {
  known_names_.clear();
  for (const std::string& name : names) known_names_.insert(normalised_name(name));
}

std::size_t TransportLayer::connections() const { return connections_.size(); }

// ---------------------------------------------------------------------------------------------------------- receiving

void TransportLayer::on_datagram(ListenerId listener, std::string_view bytes, const SocketAddress& from) {
  const Flow flow{Transport::kUdp, listener, kNoConnection, local_address(listener), from};
  const bool is_keep_alive = std::ranges::all_of(bytes, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  if (is_keep_alive) {
    ++counters_.keep_alives;  // RFC 5626 has no answer to it over UDP
    return;
  }
  take_message(bytes, flow);
}

void TransportLayer::on_accepted(ListenerId listener, std::unique_ptr<Stream> stream) {
  if (connections_.size() >= settings_.max_connections) {
    ++counters_.connections_refused_total;
    return;
  }
  const SocketAddress remote = stream->remote();
  switch (sources_.take_connection(remote.ip)) {
    case SourceTable::Verdict::kTake: break;
    case SourceTable::Verdict::kOverAll:
    case SourceTable::Verdict::kOverRate: ++counters_.connections_refused_per_source; return;
    case SourceTable::Verdict::kTableFull: ++counters_.source_table_full; return;
  }
  const Flow flow{transport_of(listener), listener, kNoConnection, stream->local(), remote};
  if (flow.transport == Transport::kTls) {
    if (!sources_.take_handshake(remote.ip)) {
      sources_.release_connection(remote.ip);
      ++counters_.tls_handshakes_refused;
      return;
    }
    const TlsContext& tls = *listeners_.at(static_cast<std::size_t>(listener))->tls;
    stream = std::make_unique<TlsStream>(std::move(stream), tls.accept(), true);
  }
  ++counters_.connections_accepted;
  Connection& connection = adopt(std::move(stream), flow, false, {});
  if (flow.transport != Transport::kTls) enlist(connection);
  connection.start();
}

bool TransportLayer::take_keep_alive(const Flow& flow) {
  ++counters_.keep_alives;
  if (sources_.take_message(flow.remote.ip, is_vouched_for(flow)) == SourceTable::Verdict::kTake) return true;
  ++counters_.source_rate_dropped;
  return false;
}

void TransportLayer::take_message(std::string_view bytes, const Flow& flow) {
  ++counters_.received_messages;
  switch (sources_.take_message(flow.remote.ip, is_vouched_for(flow))) {
    case SourceTable::Verdict::kTake: break;
    case SourceTable::Verdict::kOverRate: ++counters_.source_rate_dropped; return;
    case SourceTable::Verdict::kOverAll: ++counters_.all_rate_dropped; return;
    case SourceTable::Verdict::kTableFull: ++counters_.source_table_full; return;
  }
  ParseOutcome parsed = parse_message(bytes);
  if (parsed.refusal) {
    if (!parsed.can_answer) {
      ++counters_.malformed_dropped;
      return;
    }
    ++counters_.malformed_answered;
    return refuse_message(parsed.message, *parsed.refusal, flow);
  }
  Message& message = parsed.message;
  if (message.is_request()) {
    if (!is_within_rate(message, flow)) return;
    stamp_top_via(message, flow);
  } else if (!is_via_ours(message.vias().front(), flow)) {
    ++counters_.response_via_not_ours;
    return;
  }
  if (user_ != nullptr) user_->on_message(std::move(message), flow);
}

bool TransportLayer::is_within_rate(const Message& request, const Flow& flow) {
  if (!is_new_request(request)) return true;
  const SourceTable::Verdict verdict = sources_.take_new_request(flow.remote.ip, is_vouched_for(flow));
  if (verdict == SourceTable::Verdict::kTake) return true;
  const bool over_all = verdict == SourceTable::Verdict::kOverAll;
  if (!sources_.is_known(flow.remote.ip, is_vouched_for(flow))) {
    ++(over_all ? counters_.all_rate_dropped : counters_.source_rate_dropped);  // strangers learn nothing
    return false;
  }
  ++(over_all ? counters_.all_rate_refused : counters_.source_rate_refused);
  Message answer = Message::response(request, 503, {}, make_token(random_));
  answer.add(HeaderId::kRetryAfter, "1");
  send_answer(answer, flow);
  return false;
}

void TransportLayer::refuse_message(const Message& request, const Refusal& refusal, const Flow& flow) {
  if (request.vias().empty()) return;
  send_answer(refuse(request, refusal, settings_.user_agent, make_token(random_)), flow);
}

void TransportLayer::send_answer(const Message& answer, const Flow& flow) {
  Message stamped = answer;
  stamp_top_via(stamped, flow);
  if (!send_response(stamped.text(), stamped.vias().front(), flow)) ++counters_.response_unroutable;
}

bool TransportLayer::is_via_ours(const Via& via, const Flow& flow) const {
  const Listener& listener = *listeners_.at(static_cast<std::size_t>(flow.listener));
  const std::uint16_t port = via.port != 0 ? via.port : default_port(listener.transport);
  return port == listener.local.port && text::same(via.host, listener.host);
}

// ------------------------------------------------------------------------------------------------------------ sending

Target TransportLayer::target_for_size(const Target& target, std::size_t bytes) const {
  if (target.transport != Transport::kUdp || bytes <= kMaxDatagramRequestBytes || !takes_tcp(target.address)) {
    return target;
  }
  const IpAddress local = local_address(target.listener).ip;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i]->transport != Transport::kTcp || listeners_[i]->local.ip != local) continue;
    return {Transport::kTcp, target.address, ListenerId{static_cast<std::uint32_t>(i)}, {}};
  }
  return target;
}

bool TransportLayer::takes_tcp(const SocketAddress& peer) const {
  const auto refused = no_tcp_.find(peer);
  return refused == no_tcp_.end() || timers_.now() - refused->second >= kNoTcpFor;
}

void TransportLayer::note_no_tcp(const SocketAddress& peer) {
  if (no_tcp_.size() >= kMaxPeersWithoutTcp) no_tcp_.clear();  // forgetting costs one attempt each
  no_tcp_.insert_or_assign(peer, timers_.now());
}

Result<ConnectionId> TransportLayer::send_request(std::string_view bytes, const Target& target) {
  const auto index = static_cast<std::size_t>(target.listener);
  if (index >= listeners_.size() || listeners_[index]->transport != target.transport) {
    return fail(ErrorKind::kInvalidArgument, "no listener for the transport of the target");
  }
  if (target.transport == Transport::kUdp) {
    if (const auto sent = listeners_[index]->datagrams->send(bytes, target.address); !sent) {
      ++counters_.send_failed;
      return forward_error(sent);
    }
    ++counters_.sent_messages;
    return kNoConnection;
  }
  const auto connection = connection_to(target);
  if (!connection) return forward_error(connection);
  const ConnectionId id = (*connection)->flow().connection;
  if (!(*connection)->write(bytes)) {
    ++counters_.write_queue_full;
    drop(id, {ErrorKind::kExhausted, "the peer does not read what it is sent"});
    return fail(ErrorKind::kExhausted, "the peer does not read what it is sent");
  }
  ++counters_.sent_messages;
  return id;
}

Status TransportLayer::send_response(std::string_view bytes, const Via& top_via, const Flow& request_flow) {
  const std::uint16_t sent_by_port = top_via.port != 0 ? top_via.port : default_port(request_flow.transport);
  if (request_flow.transport == Transport::kUdp) {
    // RFC 3261 18.2.2 and RFC 3581 4: always to the source's address; `received` says the same. maddr is not followed:
    // it would let anybody aim our answers at a third party.
    const bool has_rport = top_via.parameter("rport").has_value();
    const SocketAddress to{request_flow.remote.ip, has_rport ? request_flow.remote.port : sent_by_port};
    const Listener& listener = *listeners_.at(static_cast<std::size_t>(request_flow.listener));
    const auto sent = listener.datagrams->send(bytes, to);
    ++(sent ? counters_.sent_messages : counters_.send_failed);
    return sent;
  }
  if (Connection* const connection = find(request_flow.connection)) {
    if (connection->write(bytes)) {
      ++counters_.sent_messages;
      return {};
    }
    ++counters_.write_queue_full;
    drop(request_flow.connection, {ErrorKind::kExhausted, "the peer does not read what it is sent"});
    return fail(ErrorKind::kExhausted, "the peer does not read what it is sent");
  }
  Target back = target_back(request_flow);
  back.address.port = sent_by_port;
  const auto sent = send_request(bytes, back);
  if (!sent) return forward_error(sent);
  return {};
}

Result<TransportLayer::Connection*> TransportLayer::connection_to(const Target& target) {
  if (const auto known = by_target_.find(target); known != by_target_.end()) return find(known->second);
  if (connections_.size() >= settings_.max_connections) {
    ++counters_.connections_refused_total;
    return fail(ErrorKind::kExhausted, "too many connections");
  }
  const SocketAddress local{local_address(target.listener).ip, 0};
  const Flow flow{target.transport, target.listener, kNoConnection, local, target.address};
  ++counters_.connections_opened;
  std::unique_ptr<Stream> stream = network_.connect_tcp(local, target.address);
  if (target.transport == Transport::kTls) {
    const TlsContext& tls = *listeners_.at(static_cast<std::size_t>(target.listener))->tls;
    const std::string address = isthmus::to_string(target.address.ip);
    auto session = tls.connect(target.peer_name.empty() ? address : target.peer_name);
    stream = std::make_unique<TlsStream>(std::move(stream), std::move(session), false);
  }
  Connection& connection = adopt(std::move(stream), flow, true, target.peer_name);
  enlist(connection);
  connection.start();
  return &connection;
}

// -------------------------------------------------------------------------------------------------------- connections

TransportLayer::Connection* TransportLayer::find(ConnectionId id) {
  const auto found = connections_.find(static_cast<std::uint64_t>(id));
  return found == connections_.end() ? nullptr : found->second.get();
}

TransportLayer::Connection& TransportLayer::adopt(std::unique_ptr<Stream> stream, const Flow& flow, bool is_outgoing,
                                                  std::string peer_name) {
  const ConnectionId id{++last_connection_};
  auto connection = std::make_unique<Connection>(*this, id, std::move(stream), flow, is_outgoing, std::move(peer_name));
  Connection& adopted = *connection;
  connections_.emplace(last_connection_, std::move(connection));
  return adopted;
}

void TransportLayer::enlist(const Connection& connection) {
  // An accepted connection carries requests back too, to a peer whose Contact is just that address and port.
  by_target_.insert_or_assign(connection.target(), connection.flow().connection);
}

void TransportLayer::report_tls(const Connection& connection, TlsFailure failure, std::string_view detail) {
  switch (failure) {
    case TlsFailure::kNone: return;
#define ISTHMUS_TLS_COUNT(enumerator, counter, text) \
  case TlsFailure::enumerator: ++counters_.counter; break;
      ISTHMUS_TLS_FAILURES(ISTHMUS_TLS_COUNT)
#undef ISTHMUS_TLS_COUNT
  }
  const auto now = timers_.now();
  if (now - tls_lines_since_ >= kTlsLinesSpan) {
    tls_lines_since_ = now;
    tls_lines_ = 0;
  }
  if (++tls_lines_ > kTlsLinesPerSpan) return;
  const Listener& listener = *listeners_.at(static_cast<std::size_t>(connection.flow().listener));
  log::warn("sip.tls_failed", {{"listener", listener.name},
                               {"side", connection.is_outgoing() ? "we called" : "we were called"},
                               {"peer", isthmus::to_string(connection.flow().remote)},
                               {"name", connection.peer_name()},
                               {"why", to_string(failure)},
                               {"detail", detail},
                               {"more", tls_lines_ == kTlsLinesPerSpan ? "not written for some seconds" : ""}});
}

void TransportLayer::drop(ConnectionId id, const Error& why) {
  const auto found = connections_.find(static_cast<std::uint64_t>(id));
  if (found == connections_.end()) return;
  std::unique_ptr<Connection> connection = std::move(found->second);
  connections_.erase(found);
  const auto target = by_target_.find(connection->target());
  if (target != by_target_.end() && target->second == id) by_target_.erase(target);
  if (!connection->is_outgoing()) sources_.release_connection(connection->flow().remote.ip);
  connection->retire();
  if (dropped_.empty()) burial_ = timers_.start({}, [this] { bury(); });
  dropped_.push_back({std::move(connection), why});
}

void TransportLayer::bury() {
  const std::vector<Dropped> dropped = std::exchange(dropped_, {});
  for (const Dropped& entry : dropped) {
    if (user_ != nullptr) user_->on_connection_closed(entry.connection->flow().connection, entry.why);
  }
}

}  // namespace isthmus::sip
