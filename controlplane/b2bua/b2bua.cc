#include "controlplane/b2bua/b2bua.h"

#include <algorithm>

#include "controlplane/b2bua/message_reader.h"
#include "controlplane/b2bua/zone_media.h"
#include "dataplane/base/log.h"

namespace isthmus::b2bua {

Result<std::unique_ptr<B2bua>> B2bua::create(const Dependencies& dependencies, config::ControlPlane configuration,
                                             std::vector<sip::ListenerId> listeners) {
  auto plan = routing::DialPlan::compile(configuration);
  if (!plan) return forward_error(plan);
  auto hosts = trust::trusted_hosts_of(configuration);
  if (!hosts) return forward_error(hosts);
  std::unique_ptr<B2bua> made(new B2bua(dependencies, std::move(configuration), std::move(*plan),
                                        trust::TrustTable(std::move(*hosts)), std::move(listeners)));
  made->refresh_sources();
  return made;
}

B2bua::B2bua(const Dependencies& dependencies, config::ControlPlane configuration, routing::DialPlan plan,
             trust::TrustTable trust, std::vector<sip::ListenerId> listeners)
    : deps_(dependencies),
      configuration_(std::move(configuration)),
      plan_(std::move(plan)),
      trust_(std::move(trust)),
      listeners_(std::move(listeners)),
      new_call_tokens_(configuration_.limits.calls_per_second),
      tokens_at_(deps_.timers.now()) {}

B2bua::~B2bua() {
  for (const auto& [key, entry] : calls_) stop_timers(*entry);
  deps_.timers.cancel(retire_timer_);
  deps_.relay.on_event([](const contract::Event&) {});
  deps_.relay.on_connection([](bool, std::uint64_t) {});
}

void B2bua::start() {
  take_up_journal();
  deps_.relay.on_event([this](const contract::Event& event) { on_relay_event(event); });
  deps_.relay.on_connection(
      [this](bool connected, std::uint64_t incarnation) { on_relay_connection(connected, incarnation); });
}

// ---- looking and steering ----

std::vector<CallView> B2bua::views(std::string_view after, std::size_t limit) const {
  std::vector<CallKey> keys;
  const auto first = call_id_of(after);
  for (const auto& [key, entry] : calls_) {
    if (after.empty() || (first && key > *first) || (!first && call_name(key) > after)) keys.push_back(key);
  }
  // The names are fixed-width, so the order of the numbers is that of the names.
  const std::size_t count = std::min(limit, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count), keys.end());
  std::vector<CallView> views;
  views.reserve(count);
  for (std::size_t i = 0; i < count; ++i) views.push_back(view_of(calls_.at(keys[i])->call));
  return views;
}

std::optional<CallView> B2bua::view(std::string_view name) const {
  if (const auto key = call_id_of(name)) {
    const auto running = calls_.find(*key);
    if (running != calls_.end()) return view_of(running->second->call);
  }
  const auto found = std::find_if(ended_.rbegin(), ended_.rend(), [name](const CallView& v) { return v.id == name; });
  return found == ended_.rend() ? std::nullopt : std::optional(*found);
}

routing::Route B2bua::test_route(std::string_view alias, std::string_view from_zone) const {
  return plan_.search({std::string(alias), std::string(from_zone), false}, routing::Detail::kExplain);
}

bool B2bua::hang_up(std::string_view name, std::string_view reason) {
  const auto key = call_id_of(name);
  if (!key || find(*key) == nullptr) return false;
  tell(*key, EndAsked{std::string(reason)});
  return true;
}

void B2bua::drain(bool end_calls) {
  draining_ = true;
  if (!end_calls) return;
  std::vector<CallKey> keys;
  keys.reserve(calls_.size());
  for (const auto& [key, entry] : calls_) keys.push_back(key);
  for (const CallKey key : keys) tell(key, EndAsked{"the gateway shuts down"});
}

// ---- finding ----

B2bua::Entry* B2bua::find(CallKey key) {
  const auto found = calls_.find(key);
  return found == calls_.end() ? nullptr : found->second.get();
}

B2bua::Entry* B2bua::find_dialog(const sip::Message& message, Side& side) {
  const auto place = dialogs_.find(std::string(message.to_tag()));
  if (place == dialogs_.end()) return nullptr;
  Entry* entry = find(place->second.call);
  if (entry == nullptr) return nullptr;
  side = place->second.side;
  const Dialog& dialog = entry->call.at(side).dialog;
  // Call-ID and both tags (threat model B1). A callee may send requests in an early dialog before its 2xx told us the
  // tag that counts.
  if (dialog.call_id != message.call_id()) return nullptr;
  if (dialog.is_confirmed() && dialog.remote_tag != message.from_tag()) return nullptr;
  return entry;
}

B2bua::Entry* B2bua::find_session(contract::SessionId session) {
  const auto found = sessions_.find(session.value);
  return found == sessions_.end() ? nullptr : find(found->second);
}

Dialect B2bua::dialect_of(const Entry& entry, Side side) const {
  return b2bua::dialect_of(configuration_.find_zone(entry.call.at(side).zone));
}

const config::Zone* B2bua::zone_of(const sip::Flow& flow) const {
  trust::Source source{flow.remote.ip, {}, {}, false};
  for (std::size_t i = 0; i < listeners_.size() && i < configuration_.listeners.size(); ++i) {
    const config::Listener& listener = configuration_.listeners[i];
    if (listeners_[i] != flow.listener) continue;
    source.listener = listener.name;
    source.by_name_only = listener.transport == config::Transport::kTls &&
                          listener.client_certificate == config::ClientCertificate::kRequired;
  }
  if (flow.peer) source.verified_names = flow.peer->names;
  const auto trusted = trust_.identify(source);
  return trusted ? configuration_.find_zone(trusted->zone) : nullptr;
}

// ---- events ----

void B2bua::tell(CallKey key, Event event) {
  Entry* entry = find(key);
  if (entry == nullptr) return;
  if (entry->in_step) return entry->waiting.push_back(std::move(event));
  entry->in_step = true;
  const Context context{configuration_, deps_.random, deps_.wall_clock()};
  perform(*entry, apply(entry->call, std::move(event), context));
  // What a step caused at once (a request that could not be sent) is the next event, not a part of it.
  for (std::size_t i = 0; i < entry->waiting.size() && entry->call.state != State::kEnded; ++i) {
    perform(*entry, apply(entry->call, std::move(entry->waiting[i]), context));
  }
  entry->waiting.clear();
  entry->in_step = false;
  if (entry->call.state == State::kEnded) return remove(key);
  serve_ice(key);
}

void B2bua::on_request(sip::ServerId transaction, sip::Message&& request, const sip::Flow& flow) {
  if (request.to_tag().empty()) return on_new_request(transaction, request, flow);
  on_dialog_request(transaction, request, flow);
}

void B2bua::on_dialog_request(sip::ServerId transaction, const sip::Message& request, const sip::Flow& flow) {
  Side side = Side::kA;
  Entry* entry = find_dialog(request, side);
  if (entry == nullptr) return refuse(transaction, {481, "no-dialog"}, request, flow);
  const config::Zone* zone = zone_of(flow);
  if (zone == nullptr || zone->name != entry->call.at(side).zone) {
    return refuse(transaction, {403, "untrusted"}, request, flow);
  }
  // A dialog with keys in it stays where they were safe.
  if (entry->call.at(side).is_tls && flow.transport != sip::Transport::kTls) {
    return refuse(transaction, {403, "untrusted"}, request, flow);
  }
  if (const std::uint16_t status = refusal_of(request.method(), Place::kInside); status != 0) {
    return refuse_in_dialog(*entry, side, transaction, status, request, flow);
  }
  if (auto refused = screen_extensions(request)) return refuse(transaction, *refused, request, flow);
  entry->link[contract::index(side)] = sip::target_back(flow);
  const auto id = static_cast<ServerId>(transaction);
  const CallKey key = entry->call.record.id;
  if (request.method() == sip::Method::kInvite) {
    servers_[id] = {key, side};
    entry->servers.push_back(id);
  }
  Request read = read_request(request, dialect_of(*entry, side), dialect_of(*entry, other(side)));
  log_diagnosis(*entry, read, to_string(read.method));
  tell(key, RequestArrived{side, id, std::move(read)});
}

void B2bua::log_diagnosis(const Entry& entry, const Signal& signal, std::string_view message) {
  if (signal.diagnosis.empty()) return;
  log::info("sip.diagnostics", {{"call", call_name(entry.call.record.id)},
                                {"call-id", entry.call.leg[0].dialog.call_id},
                                {"call-id-b", entry.call.leg[1].dialog.call_id},
                                {"message", message},
                                {"text", signal.diagnosis}});
}

void B2bua::on_cancel(sip::ServerId invite, sip::Message&&) {
  const auto id = static_cast<ServerId>(invite);
  const auto found = servers_.find(id);
  if (found == servers_.end()) return;
  const DialogPlace place = found->second;
  tell(place.call, CancelArrived{place.side, id});
}

void B2bua::on_ack_2xx(sip::Message&& ack, const sip::Flow&) {
  Side side = Side::kA;
  Entry* entry = find_dialog(ack, side);
  if (entry == nullptr) return;
  tell(entry->call.record.id,
       AckArrived{side, read_request(ack, dialect_of(*entry, side), dialect_of(*entry, other(side)))});
}

void B2bua::on_response(sip::ClientId transaction, sip::Message&& response, const sip::Flow&) {
  const auto found = clients_.find(static_cast<std::uint64_t>(transaction));
  if (found == clients_.end()) return;
  Client& client = found->second;
  const bool is_2xx_to_invite = client.method == Method::kInvite && response.status() >= 200 && response.status() < 300;
  if (is_2xx_to_invite && !client.confirmed_tag.empty()) {
    if (response.to_tag() == client.confirmed_tag) {
      // A copy: the ACK was lost (RFC 3261 13.2.2.4).
      repeat_ack(client);
    } else if (client.target && response.to_tag() != client.ended_tag) {
      client.ended_tag = response.to_tag();
      end_fork(response, *client.target);
    }
    return;
  }
  if (is_2xx_to_invite && find(client.call) == nullptr) {
    // The call was given up; its answer came too late.
    if (!client.target || response.to_tag() == client.ended_tag) return;
    client.ended_tag = response.to_tag();
    return end_fork(response, *client.target);
  }
  current_response_ = &response;
  const Client copy = client;
  if (response.status() >= 200) {
    if (is_2xx_to_invite) {
      retire(transaction);
    } else {
      clients_.erase(found);
    }
  }
  if (const Entry* entry = find(copy.call)) {
    Response read = read_response(response, dialect_of(*entry, copy.side), dialect_of(*entry, other(copy.side)));
    log_diagnosis(*entry, read, std::to_string(read.status));
    tell_response(copy, std::move(read));
  }
  current_response_ = nullptr;
}

void B2bua::repeat_ack(const Client& client) {
  Entry* entry = find(client.call);
  if (entry == nullptr) return;  // the BYE says more than the ACK
  const Dialog& dialog = entry->call.at(client.side).dialog;
  const auto target = target_of(*entry, client.side, dialog);
  if (target) (void)transactions_->send_ack(write_ack(writing_for(target->listener), dialog, client.cseq), *target);
}

std::optional<sip::ClientId> B2bua::Entry::find_client(ClientId id) const {
  for (const auto& [ours, theirs] : clients) {
    if (ours == id) return theirs;
  }
  return std::nullopt;
}

void B2bua::tell_response(const Client& client, Response response) {
  tell(client.call, ResponseArrived{client.side, client.id, client.method, std::move(response)});
}

void B2bua::on_timeout(sip::ClientId transaction) {
  const auto found = clients_.find(static_cast<std::uint64_t>(transaction));
  if (found == clients_.end()) return;
  const Client client = std::move(found->second);
  clients_.erase(found);
  Response response;
  response.status = 408;
  response.reason = "Request Timeout";
  response.local = true;
  tell_response(client, std::move(response));
}

void B2bua::on_transport_error(sip::ClientId transaction, const Error& why) {
  const auto found = clients_.find(static_cast<std::uint64_t>(transaction));
  if (found == clients_.end()) return;
  const Client client = std::move(found->second);
  clients_.erase(found);
  const Entry* const entry = find(client.call);
  log::warn("sip.unreachable", {{"call", call_name(client.call)},
                                {"call-id", entry != nullptr ? entry->call.at(client.side).dialog.call_id : ""},
                                {"why", to_string(why)}});
  Response response;
  response.status = 503;
  response.reason = "Service Unavailable";
  response.local = true;
  tell_response(client, std::move(response));
}

void B2bua::on_transport_error(sip::ServerId transaction, const Error& why) {
  log::warn("sip.response_lost", {{"transaction", static_cast<std::uint64_t>(transaction)}, {"why", to_string(why)}});
}

void B2bua::on_relay_event(const contract::Event& event) {
  if (const auto* started = std::get_if<contract::MediaStartedEvent>(&event)) {
    if (Entry* entry = find_session(started->session)) {
      tell(entry->call.record.id, MediaStarted{started->side, started->stream});
    }
  } else if (const auto* silent = std::get_if<contract::MediaTimedOutEvent>(&event)) {
    ++counters_.media_timeouts;
    if (Entry* entry = find_session(silent->session)) {
      tell(entry->call.record.id, MediaTimedOut{silent->side, silent->stream});
    }
  } else if (const auto* punt = std::get_if<contract::PuntEvent>(&event)) {
    on_punt(*punt);
  } else if (const auto* lost = std::get_if<contract::ConsentLostEvent>(&event)) {
    if (Entry* entry = find_session(lost->session)) {
      tell(entry->call.record.id, ConsentLost{lost->side, lost->stream});
    }
  } else if (const auto* wanted = std::get_if<contract::PictureWantedEvent>(&event)) {
    if (Entry* entry = find_session(wanted->session)) {
      tell(entry->call.record.id, PictureWanted{wanted->side, wanted->stream});
    }
  } else if (const auto* refused = std::get_if<contract::SourceRefusedEvent>(&event)) {
    if (Entry* entry = find_session(refused->session)) {
      log::warn("media.source_refused", {{"call", call_name(entry->call.record.id)},
                                         {"call-id", entry->call.leg[0].dialog.call_id},
                                         {"source", to_string(refused->source)},
                                         {"packets", refused->packets}});
    }
  } else if (const auto* one_way = std::get_if<contract::OneWayMediaEvent>(&event)) {
    if (Entry* entry = find_session(one_way->session)) {
      log::warn("media.one_way", {{"call", call_name(entry->call.record.id)},
                                  {"call-id", entry->call.leg[0].dialog.call_id},
                                  {"not_heard", one_way->side == contract::Side::kA ? "caller" : "callee"},
                                  {"stream", one_way->stream},
                                  {"cause", one_way->cause}});
    }
  } else if (const auto* low = std::get_if<contract::KeyLifetimeLowEvent>(&event)) {
    on_key_lifetime_low(*low);
  }
}

void B2bua::on_key_lifetime_low(const contract::KeyLifetimeLowEvent& event) {
  const Entry* entry = find_session(event.session);
  if (entry == nullptr || !low_keys_.take(event, deps_.timers.now())) return;
  ++counters_.key_lifetimes_low;
  const bool receive = event.direction == contract::KeyDirection::kReceive;
  log::warn("media.key_lifetime_low", {{"call", call_name(entry->call.record.id)},
                                       {"call-id", entry->call.leg[0].dialog.call_id},
                                       {"party", event.side == contract::Side::kA ? "caller" : "callee"},
                                       {"stream", event.stream},
                                       {"key", receive ? "theirs" : "ours"},
                                       {"packets_left", event.packets_left}});
}

std::vector<B2bua::LowKey> B2bua::low_keys() const {
  std::vector<LowKey> all;
  for (const contract::KeyLifetimeLowEvent& told : low_keys_.standing(deps_.timers.now())) {
    const auto call = sessions_.find(told.session.value);
    if (call != sessions_.end()) all.push_back({call_name(call->second), told});
  }
  return all;
}

// ---- client transactions that are over ----

void B2bua::retire(sip::ClientId client) {
  // Copies of a 2xx can come for 64*T1 (RFC 6026 timer M).
  retired_.emplace_back(deps_.timers.now() + 64 * configuration_.timers.t1, client);
  if (retire_timer_ != event_loop::kNoTimer) return;
  retire_timer_ = deps_.timers.start(64 * configuration_.timers.t1, [this] { sweep_retired(); });
}

void B2bua::sweep_retired() {
  retire_timer_ = event_loop::kNoTimer;
  const event_loop::TimePoint now = deps_.timers.now();
  while (!retired_.empty() && retired_.front().first <= now) {
    clients_.erase(static_cast<std::uint64_t>(retired_.front().second));
    retired_.pop_front();
  }
  if (retired_.empty()) return;
  // In bunches of a second, so that a busy gateway does not wake for each of them.
  retire_timer_ =
      deps_.timers.start(std::max<event_loop::Duration>(retired_.front().first - now, std::chrono::seconds(1)),
                         [this] { sweep_retired(); });
}

}  // namespace isthmus::b2bua
