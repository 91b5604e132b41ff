// Requests outside of dialogs: who may call, whether there is room, where it goes.

#include <algorithm>

#include "controlplane/b2bua/b2bua.h"
#include "controlplane/b2bua/body_choice.h"
#include "controlplane/b2bua/identity.h"
#include "controlplane/b2bua/message_reader.h"
#include "controlplane/b2bua/zone_media.h"
#include "dataplane/base/log.h"

namespace isthmus::b2bua {
namespace {

constexpr std::uint32_t kBusyRetryAfterS = 10;  // calls last minutes; sooner is of no use
constexpr std::size_t kMaxLoopDepth = 16;       // ancestors of a call that came back to us
constexpr std::size_t kTagBytes = 8;
constexpr std::size_t kMaxNotedBytes = 256;  // of a header in the history of a call
constexpr std::size_t kMaxConversationIdBytes = 128;
constexpr std::string_view kTransferRefused = "REFER refused: transfer is not served";

Refused busy(std::string_view why) { return {503, why, {{"Retry-After", std::to_string(kBusyRetryAfterS)}}}; }

}  // namespace

void B2bua::refuse(sip::ServerId transaction, const Refused& refused, const sip::Message& request,
                   const sip::Flow& flow) {
  switch (refused.status) {
    case 403: ++counter_of_403(refused.why); break;
    case 404: ++counters_.refused_not_found; break;
    case 405:
    case 489:
    case 501: ++counters_.refused_method; break;
    case 481: ++counters_.refused_no_dialog; break;
    case 482: ++counters_.refused_loop; break;
    case 503: break;  // counted by admit()
    default: ++counters_.refused_screening; break;
  }
  log::info("sip.refused", {{"call-id", request.call_id()},
                            {"method", request.method_name()},
                            {"source", to_string(flow.remote)},
                            {"status", refused.status},
                            {"why", refused.why}});
  sip::Message response = transactions_->make_response(transaction, refused.status);
  SendResponse words;
  words.status = refused.status;
  words.headers = refused.headers;
  complete_response(writing_for(flow.listener), words, response);
  (void)transactions_->respond(transaction, response);
}

std::uint64_t& B2bua::counter_of_403(std::string_view why) {
  if (why == "zone") return counters_.refused_zone;
  return why == "transfer" ? counters_.refused_transfer : counters_.refused_untrusted;
}

void B2bua::on_new_request(sip::ServerId transaction, const sip::Message& request, const sip::Flow& flow) {
  const config::Zone* zone = zone_of(flow);
  if (zone == nullptr) return refuse(transaction, {403, "untrusted"}, request, flow);
  if (const std::uint16_t status = refusal_of(request.method(), Place::kOutside); status != 0) {
    return refuse(transaction, {status, status == 481 ? "no-dialog" : "method"}, request, flow);
  }
  if (request.method() == sip::Method::kOptions) return answer_options(transaction, flow);
  on_new_call(transaction, request, flow, *zone);
}

void B2bua::refuse_in_dialog(Entry& entry, Side side, sip::ServerId transaction, std::uint16_t status,
                             const sip::Message& request, const sip::Flow& flow) {
  Refused refused{status, status == 481 ? "no-dialog" : "method"};
  if (request.method() == sip::Method::kRefer) {
    // Also how a Microsoft client asks us into its conference (R39): refused with a reason, the call itself goes on.
    refused.why = "transfer";
    refused.headers = {{"Warning", "399 " + configuration_.node.host_name + " \"transfer is not served\""}};
    auto& history = entry.call.record.history;
    if (history.empty() || history.back().reason != kTransferRefused) {
      const std::string_view target = request.header("Refer-To").value_or(std::string_view());
      history.push_back({routing::Step::Kind::kNote, "", entry.call.at(side).zone,
                         std::string(target.substr(0, kMaxNotedBytes)), std::string(kTransferRefused)});
    }
  }
  refuse(transaction, refused, request, flow);
}

void B2bua::answer_options(sip::ServerId transaction, const sip::Flow& flow) {
  // RFC 3261 11.2: as an INVITE would be answered, so 503 while no call is taken.
  sip::Message response = transactions_->make_response(transaction, draining_ ? 503 : 200);
  SendResponse words;
  words.headers = {
      {"Accept", std::string(kAcceptedBodies)}, {"Accept-Encoding", "identity"}, {"Accept-Language", "en"}};
  if (draining_) words.headers.push_back({"Retry-After", std::to_string(kBusyRetryAfterS)});
  words.with_contact = true;
  complete_response(writing_for(flow.listener), words, response);
  (void)transactions_->respond(transaction, response);
}

bool B2bua::is_loop(const sip::Message& invite) const {
  // Our own INVITE comes back with the tag that we gave it. The same address dialled again, by it or by a call it came
  // from, would be routed the same way for ever (RFC 3261 16.3); another address is a spiral and bounded by
  // Max-Forwards.
  std::string tag(invite.from_tag());
  std::string call_id = invite.call_id();
  for (std::size_t depth = 0; depth < kMaxLoopDepth; ++depth) {
    const auto place = dialogs_.find(tag);
    if (place == dialogs_.end() || place->second.side != Side::kB) return false;
    const auto entry = calls_.find(place->second.call);
    if (entry == calls_.end()) return false;
    const Call& parent = entry->second->call;
    if (parent.at(Side::kB).dialog.call_id != call_id) return false;
    if (parent.record.dialled == invite.request_uri().text) return true;
    if (parent.attempt < parent.attempts.size() && parent.attempts[parent.attempt].uri == invite.request_uri().text &&
        plan_.search({parent.attempts[parent.attempt].target.alias, parent.at(Side::kA).zone, false}).targets ==
            std::vector<routing::Target>{parent.attempts[parent.attempt].target}) {
      return true;
    }
    tag = parent.at(Side::kA).dialog.remote_tag;
    call_id = parent.at(Side::kA).dialog.call_id;
  }
  return true;
}

std::optional<Refused> B2bua::admit(const sip::Message& invite, const sip::Flow& flow, const config::Zone& zone) {
  if (auto refused = screen_invite(invite, configuration_.node.host_name)) return refused;
  if (!zone.accept_calls) return Refused{403, "zone"};
  if (is_loop(invite)) return Refused{482, "loop"};
  if (draining_) {
    ++counters_.refused_draining;
    return busy("draining");
  }
  const config::Limits& limits = configuration_.limits;
  if (calls_.size() >= limits.max_calls) {
    ++counters_.refused_limit;
    return busy("call-limit");
  }
  const auto held = calls_by_source_.find(flow.remote.ip);
  if (held != calls_by_source_.end() && held->second >= limits.max_calls_per_source) {
    ++counters_.refused_source_limit;
    return busy("source-call-limit");
  }
  const event_loop::TimePoint now = deps_.timers.now();
  const double rate = limits.calls_per_second;
  new_call_tokens_ = std::min(rate, new_call_tokens_ + rate * std::chrono::duration<double>(now - tokens_at_).count());
  tokens_at_ = now;
  if (new_call_tokens_ < 1) {
    ++counters_.refused_rate;
    return busy("call-rate");
  }
  new_call_tokens_ -= 1;
  return std::nullopt;
}

std::vector<Attempt> B2bua::attempts_of(const routing::Route& route, const routing::DialledUri& dialled) const {
  std::vector<Attempt> attempts;
  for (const routing::Target& target : route.targets) {
    const config::Zone* zone = configuration_.find_zone(target.zone);
    if (zone == nullptr) continue;
    for (std::size_t peer = 0; peer < zone->peers.size(); ++peer) {
      const std::string uri = routing::make_uri(dialled, target.alias, zone->peers[peer].host);
      // One that is nowhere is tried too: its failure has its place in the order, and its reason in the log.
      const std::size_t addresses = std::max<std::size_t>(1, targets_of(*zone, zone->peers[peer]).size());
      for (std::size_t address = 0; address < addresses && attempts.size() < kMaxAttempts; ++address) {
        attempts.push_back({target, uri, peer, address});
      }
    }
  }
  return attempts;
}

void B2bua::on_new_call(sip::ServerId transaction, const sip::Message& invite, const sip::Flow& flow,
                        const config::Zone& zone) {
  if (auto refused = admit(invite, flow, zone)) return refuse(transaction, *refused, invite, flow);
  auto entry = std::make_unique<Entry>();
  Call& call = entry->call;
  call.dialled = routing::parse_dialled_uri(invite.request_uri().text).value();  // screened
  routing::Route route = plan_.search({call.dialled.alias, zone.name, false});
  call.attempts = attempts_of(route, call.dialled);
  call.max_forwards = next_max_forwards(invite);

  do {
    call.record.id = deps_.random.next_u64();
  } while (call.record.id == 0 || calls_.contains(call.record.id));
  call.record.dialled = invite.request_uri().text;
  call.record.from = invite.from().text;
  call.record.to = invite.to().text;
  call.record.history = std::move(route.history);

  Leg& a = call.at(Side::kA);
  a.zone = zone.name;
  a.is_tls = flow.transport == sip::Transport::kTls;
  a.peer = std::string(sip::to_string(flow.transport)) + " " + to_string(flow.remote);
  a.user_agent = invite.header(sip::HeaderId::kUserAgent).value_or("").substr(0, kMaxProductBytes);
  if (b2bua::dialect_of(&zone) == Dialect::kMicrosoft) {
    a.conversation_id = invite.header("Ms-Conversation-ID").value_or("").substr(0, kMaxConversationIdBytes);
  }
  a.dialog.call_id = invite.call_id();
  a.dialog.local_tag = random_token(deps_.random, kTagBytes);
  a.dialog.remote_tag = invite.from_tag();
  a.dialog.local_name = invite.to().text_without_tag();
  a.dialog.remote_name = invite.from().text_without_tag();
  entry->link[0] = sip::target_back(flow);
  entry->source = flow.remote.ip;
  ++calls_by_source_[flow.remote.ip];

  ++counters_.calls_begun;
  if (call.attempts.empty()) ++counters_.refused_not_found;
  log::info("call.begin", {{"call", call_name(call.record.id)},
                           {"call-id", call.leg[0].dialog.call_id},
                           {"from", call.record.from},
                           {"dialled", call.record.dialled},
                           {"zone", zone.name}});
  const CallKey key = call.record.id;
  const auto id = static_cast<ServerId>(transaction);
  dialogs_[a.dialog.local_tag] = {key, Side::kA};
  entry->tags.push_back(a.dialog.local_tag);
  servers_[id] = {key, Side::kA};
  entry->servers.push_back(id);
  calls_.emplace(key, std::move(entry));
  // Whom it goes to is not known yet: what only Microsoft may read is taken along, and filtered for each target.
  tell(key, Began{id, read_request(invite, b2bua::dialect_of(&zone), Dialect::kMicrosoft)});
}

}  // namespace isthmus::b2bua
