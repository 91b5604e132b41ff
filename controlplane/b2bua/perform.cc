// What calls want, done.

#include <algorithm>

#include "controlplane/b2bua/b2bua.h"
#include "controlplane/b2bua/journal_record.h"
#include "dataplane/base/log.h"

namespace isthmus::b2bua {
namespace {

Response unreachable() {
  Response response;
  response.status = 503;
  response.reason = "Service Unavailable";
  response.local = true;
  return response;
}

}  // namespace

void B2bua::perform(Entry& entry, Actions actions) {
  for (Action& action : actions) {
    std::visit([this, &entry](auto& known) { perform(entry, known); }, action);
  }
}

const Writing& B2bua::writing_for(sip::ListenerId listener) {
  const auto [place, is_new] = writings_.try_emplace(static_cast<std::uint32_t>(listener));
  Writing& writing = place->second;
  if (!is_new) return writing;
  writing.user_agent = configuration_.node.user_agent;
  writing.contact = "<sip:" + deps_.transport.sent_by(listener);
  const sip::Transport transport = deps_.transport.transport_of(listener);
  if (transport == sip::Transport::kTcp) writing.contact += ";transport=tcp";
  if (transport == sip::Transport::kTls) writing.contact += ";transport=tls";
  writing.contact += '>';
  return writing;
}

void B2bua::perform(Entry& entry, SendRequest& action) {
  Call& call = entry.call;
  Leg& leg = call.at(action.side);
  const bool opens = action.method == Method::kInvite && !leg.dialog.is_confirmed() && action.side == Side::kB;
  const Dialog& dialog = action.early ? *action.early : leg.dialog;
  const auto target = opens ? first_target(entry) : target_of(entry, action.side, dialog);
  const auto unsent = [&] {
    entry.waiting.push_back(ResponseArrived{action.side, action.transaction, action.method, unreachable()});
  };
  if (opens) {
    entry.tags.push_back(leg.dialog.local_tag);
    dialogs_[leg.dialog.local_tag] = {call.record.id, action.side};
    entry.link[contract::index(action.side)] = target;
    if (target) leg.peer = std::string(sip::to_string(target->transport)) + " " + to_string(target->address);
  }
  if (!target) return unsent();
  Writing writing = writing_for(target->listener);
  if (opens) {
    const config::Zone* zone = configuration_.find_zone(leg.zone);
    writing.max_forwards = zone == nullptr ? call.max_forwards : std::min(call.max_forwards, zone->hop_count);
  }
  sip::Message message = write_request(writing, dialog, action.method, action.cseq, action.headers, action.body,
                                       call.at(other(action.side)).supports_100rel);
  const auto sent = transactions_->send_request(std::move(message), *target);
  if (!sent) {
    log::warn("sip.unsent", {{"call", call_name(call.record.id)},
                             {"call-id", leg.dialog.call_id},
                             {"method", to_string(action.method)},
                             {"why", to_string(sent.error())}});
    return unsent();
  }
  Client client;
  client.call = call.record.id;
  client.side = action.side;
  client.id = action.transaction;
  client.method = action.method;
  client.target = *target;
  clients_[static_cast<std::uint64_t>(*sent)] = std::move(client);
  if (action.method == Method::kInvite) entry.clients.emplace_back(action.transaction, *sent);
}

void B2bua::perform(Entry& entry, SendCancel& action) {
  const auto found = entry.find_client(action.transaction);
  if (!found) return;
  std::vector<sip::Header> headers;
  for (const Header& header : action.headers)
    headers.push_back({sip::header_id_of(header.name), header.name, header.value});
  (void)transactions_->cancel(*found, headers);
}

void B2bua::perform(Entry& entry, SendAck& action) {
  const auto found = entry.find_client(action.transaction);
  if (!found) return;
  const auto client = clients_.find(static_cast<std::uint64_t>(*found));
  const Dialog& dialog = entry.call.at(action.side).dialog;
  const auto target = target_of(entry, action.side, dialog);
  if (client == clients_.end() || !target) return;
  (void)transactions_->send_ack(write_ack(writing_for(target->listener), dialog, action.cseq), *target);
  client->second.confirmed_tag = dialog.remote_tag;
  client->second.cseq = action.cseq;
}

void B2bua::perform(Entry& entry, EndFork& action) {
  if (current_response_ == nullptr) return;
  if (const auto found = entry.find_client(action.transaction)) {
    const auto client = clients_.find(static_cast<std::uint64_t>(*found));
    if (client != clients_.end()) client->second.ended_tag = current_response_->to_tag();
  }
  if (const auto& link = entry.link[contract::index(action.side)]) end_fork(*current_response_, *link);
}

void B2bua::end_fork(const sip::Message& response, const sip::Target& target) {
  ++counters_.forks_ended;
  const Dialog dialog = dialog_of_2xx(response);
  const Writing& writing = writing_for(target.listener);
  sip::Target to = target;
  if (const auto uri = sip::Uri::parse(next_hop_uri(dialog))) {
    const auto wanted = sip::target_of(*uri, target.listener, target.transport);
    if (wanted && wanted->transport == target.transport) to = *wanted;
  }
  (void)transactions_->send_ack(write_ack(writing, dialog, dialog.local_cseq), to);
  const auto bye = transactions_->send_request(
      write_request(writing, dialog, Method::kBye, dialog.local_cseq + 1, {}, {}, false), to);
  if (bye) transactions_->forget(*bye);
}

void B2bua::perform(Entry& entry, SendResponse& action) {
  const Leg& leg = entry.call.at(action.side);
  const auto transaction = static_cast<sip::ServerId>(action.transaction);
  sip::Message response = transactions_->make_response(transaction, action.status, action.reason, leg.dialog.local_tag);
  const auto& link = entry.link[contract::index(action.side)];
  if (link) complete_response(writing_for(link->listener), action, response);
  const auto sent = transactions_->respond(transaction, response);
  if (!sent) {
    log::warn("sip.response_unsent", {{"call", call_name(entry.call.record.id)},
                                      {"call-id", leg.dialog.call_id},
                                      {"status", action.status},
                                      {"why", to_string(sent.error())}});
  }
  if (action.status < 200) return;
  servers_.erase(action.transaction);
  std::erase(entry.servers, action.transaction);
}

void B2bua::perform(Entry&, ResendResponse& action) {
  (void)transactions_->resend_2xx(static_cast<sip::ServerId>(action.transaction));
}

void B2bua::perform(Entry& entry, OpenSession& action) {
  const CallKey key = entry.call.record.id;
  const contract::Revision revision = action.spec.revision;
  if (sessions_.emplace(action.spec.id.value, key).second) entry.sessions.push_back(action.spec.id.value);
  deps_.relay.open(action.spec,
                   [this, alive = std::weak_ptr(alive_), key, revision](Result<contract::SessionState> answer) {
                     if (alive.expired()) return;
                     if (!answer && answer.error().kind == ErrorKind::kExhausted) ++counters_.refused_media_exhausted;
                     tell(key, RelayAnswered{revision, std::move(answer)});
                   });
}

void B2bua::perform(Entry& entry, UpdateSession& action) {
  const CallKey key = entry.call.record.id;
  const contract::Revision revision = action.spec.revision;
  deps_.relay.update(action.spec,
                     [this, alive = std::weak_ptr(alive_), key, revision](Result<contract::SessionState> answer) {
                       if (alive.expired()) return;
                       tell(key, RelayAnswered{revision, std::move(answer)});
                     });
}

void B2bua::perform(Entry& entry, CloseSession& action) {
  const CallKey key = entry.call.record.id;
  const contract::SessionId session = action.session;
  low_keys_.forget(session.value);
  deps_.relay.close(session,
                    [this, alive = std::weak_ptr(alive_), key, session](Result<contract::SessionStats> answer) {
                      if (alive.expired()) return;
                      sessions_.erase(session.value);
                      tell(key, RelayClosed{session, answer ? std::optional(std::move(*answer)) : std::nullopt});
                    });
}

void B2bua::perform(Entry& entry, QueryStats& action) {
  const CallKey key = entry.call.record.id;
  deps_.relay.stats(action.session, [this, alive = std::weak_ptr(alive_), key](Result<contract::SessionStats> answer) {
    if (alive.expired()) return;
    tell(key, StatsArrived{answer ? std::optional(std::move(*answer)) : std::nullopt});
  });
}

void B2bua::perform(Entry&, RequestPicture& action) {
  ++counters_.pictures_requested;
  // An error means that the session is gone; so is the picture.
  deps_.relay.request_picture(action.session, action.stream, action.side, [](const Result<void>&) {});
}

void B2bua::perform(Entry& entry, StartTimer& action) {
  event_loop::TimerId& timer = entry.timers[static_cast<std::size_t>(action.timer)][contract::index(action.side)];
  if (timer != event_loop::kNoTimer) deps_.timers.cancel(timer);
  const CallKey key = entry.call.record.id;
  const Timer kind = action.timer;
  const Side side = action.side;
  timer = deps_.timers.start(action.after, [this, key, kind, side] {
    Entry* owner = find(key);
    if (owner == nullptr) return;
    owner->timers[static_cast<std::size_t>(kind)][contract::index(side)] = event_loop::kNoTimer;
    tell(key, TimerFired{kind, side});
  });
}

void B2bua::perform(Entry& entry, StopTimer& action) {
  event_loop::TimerId& timer = entry.timers[static_cast<std::size_t>(action.timer)][contract::index(action.side)];
  if (timer == event_loop::kNoTimer) return;
  deps_.timers.cancel(timer);
  timer = event_loop::kNoTimer;
}

void B2bua::perform(Entry& entry, WriteJournal&) {
  const bool fits = encode_record({entry.call, entry.link}, record_writer_);
  const auto put = fits ? deps_.journal.put(call_name(entry.call.record.id), record_writer_.view())
                        : fail(ErrorKind::kExhausted, "the call's record is too large");
  record_writer_.clear();
  if (put) return;
  ++counters_.journal_full;
  log::error("call.not_journalled", {{"call", call_name(entry.call.record.id)},
                                     {"call-id", entry.call.leg[0].dialog.call_id},
                                     {"why", to_string(put.error())}});
}

void B2bua::perform(Entry& entry, Note& action) {
  const Call& call = entry.call;
  if (action.event == "call.up") ++counters_.calls_answered;
  if (action.event == "call.media_restored") ++counters_.media_restored;
  log::info(action.event, {{"call", call_name(call.record.id)},
                           {"call-id", call.leg[0].dialog.call_id},
                           {"call-id-b", call.leg[1].dialog.call_id},
                           {"text", action.text}});
}

void B2bua::perform(Entry& entry, Finish&) {
  const Call& call = entry.call;
  deps_.journal.erase(call_name(call.record.id));
  ++counters_.calls_ended;
  log::info("call.end", {{"call", call_name(call.record.id)},
                         {"call-id", call.leg[0].dialog.call_id},
                         {"call-id-b", call.leg[1].dialog.call_id},
                         {"status", call.record.end_status},
                         {"reason", call.record.end_reason}});
}

void B2bua::stop_timers(Entry& entry) {
  if (entry.ice_timer != event_loop::kNoTimer) deps_.timers.cancel(entry.ice_timer);
  entry.ice_timer = event_loop::kNoTimer;
  for (auto& kind : entry.timers) {
    for (event_loop::TimerId& timer : kind) {
      if (timer != event_loop::kNoTimer) deps_.timers.cancel(timer);
      timer = event_loop::kNoTimer;
    }
  }
}

void B2bua::remove(CallKey key) {
  const auto found = calls_.find(key);
  if (found == calls_.end()) return;
  Entry& entry = *found->second;
  ended_.push_back(view_of(entry.call));
  if (ended_.size() > kKeptEndedCalls) ended_.pop_front();
  stop_timers(entry);
  for (const ServerId server : entry.servers) servers_.erase(server);
  for (const std::string& tag : entry.tags) dialogs_.erase(tag);
  for (const std::uint64_t session : entry.sessions) {
    sessions_.erase(session);
    low_keys_.forget(session);
  }
  if (entry.source) {
    const auto held = calls_by_source_.find(*entry.source);
    if (held != calls_by_source_.end() && --held->second == 0) calls_by_source_.erase(held);
  }
  calls_.erase(found);
  if (ended_handler_) ended_handler_(CallView(ended_.back()));
}

}  // namespace isthmus::b2bua
