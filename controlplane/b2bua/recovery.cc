// After a start of ours, and after each new connection to the data plane: what is there is compared with what should
// be.

#include <utility>

#include "controlplane/b2bua/b2bua.h"
#include "controlplane/b2bua/journal_record.h"
#include "dataplane/base/log.h"

namespace isthmus::b2bua {

void B2bua::take_up_journal() {
  std::vector<std::string> unreadable;
  std::vector<CallKey> keys;
  deps_.journal.for_each([&](std::string_view name, Bytes content) {
    auto record = decode_record(content, configuration_);
    if (!record || call_name(record->call.record.id) != name || calls_.contains(record->call.record.id)) {
      unreadable.emplace_back(name);
      return;
    }
    auto entry = std::make_unique<Entry>();
    entry->call = std::move(record->call);
    entry->link = record->link;
    const CallKey key = entry->call.record.id;
    for (const Side side : {Side::kA, Side::kB}) {
      const std::string& tag = entry->call.at(side).dialog.local_tag;
      if (tag.empty()) continue;
      entry->tags.push_back(tag);
      dialogs_[tag] = {key, side};
    }
    if (entry->link[0]) {
      entry->source = entry->link[0]->address.ip;
      ++calls_by_source_[*entry->source];
    }
    if (entry->call.session_state != SessionState::kNone) {
      sessions_[entry->call.session.value] = key;
      entry->sessions.push_back(entry->call.session.value);
    }
    calls_.emplace(key, std::move(entry));
    keys.push_back(key);
  });
  for (const std::string& name : unreadable) {
    // Set aside one by one (threat model B9): the others are carried on.
    ++counters_.journal_unreadable;
    log::error("call.record_unreadable", {{"call", name}});
    deps_.journal.erase(name);
  }
  for (const CallKey key : keys) {
    Entry& entry = *calls_.at(key);
    const Context context{configuration_, deps_.random, deps_.wall_clock()};
    entry.in_step = true;
    perform(entry, resume(entry.call, context));
    entry.in_step = false;
    ++(entry.call.state == State::kUp ? counters_.calls_recovered : counters_.calls_lost_on_recovery);
    log::info("call.recovered", {{"call", call_name(key)},
                                 {"call-id", entry.call.leg[0].dialog.call_id},
                                 {"state", to_string(entry.call.state)}});
    if (!entry.waiting.empty()) {
      Event first = std::move(entry.waiting.front());
      entry.waiting.erase(entry.waiting.begin());
      tell(key, std::move(first));
    } else if (entry.call.state == State::kEnded) {
      remove(key);
    } else {
      serve_ice(key);
    }
  }
}

void B2bua::on_relay_connection(bool connected, std::uint64_t incarnation) {
  relay_connected_ = connected;
  ++relay_round_;
  listed_.clear();
  expected_.clear();
  if (!connected) {
    log::warn("relay.gone", {{"calls", calls_.size()}});
    return;
  }
  log::info("relay.connected", {{"incarnation", incarnation}, {"calls", calls_.size()}});
  for (const auto& [key, entry] : calls_) {
    // An open or close under way speaks for itself.
    if (entry->call.session_state == SessionState::kOpen) expected_.push_back(key);
  }
  list_sessions(relay_round_, std::nullopt);
}

void B2bua::list_sessions(std::uint64_t round, std::optional<contract::SessionId> from) {
  deps_.relay.list(from, [this, alive = std::weak_ptr(alive_), round](Result<contract::SessionPage> page) {
    if (alive.expired() || round != relay_round_) return;  // the connection it was asked on is gone
    if (!page) return log::warn("relay.list_failed", {{"why", to_string(page.error())}});
    for (const contract::SessionSummary& session : page->sessions) listed_[session.id.value] = session.revision;
    if (page->next) return list_sessions(round, page->next);
    reconcile();
  });
}

void B2bua::reconcile() {
  // Sessions that no call knows: left over from calls that ended while we were away.
  for (const auto& [id, revision] : listed_) {
    if (sessions_.contains(id)) continue;
    ++counters_.sessions_reclaimed;
    log::info("relay.session_reclaimed", {{"session", id}});
    deps_.relay.close(contract::SessionId{id}, [](const Result<contract::SessionStats>&) {});
  }
  // Calls whose session is not there: the data plane started anew, or never heard of it. The others are not touched.
  for (const CallKey key : std::exchange(expected_, {})) {
    Entry* entry = find(key);
    if (entry == nullptr || entry->call.session_state != SessionState::kOpen) continue;
    Call& call = entry->call;
    const auto listed = listed_.find(call.session.value);
    if (listed == listed_.end()) {
      tell(key, RelayRestarted{});
    } else if (listed->second > call.revision) {
      // Killed between an update and its record: what the record says holds.
      call.revision = listed->second;
      tell(key, RelayOutOfStep{});
    }
  }
  listed_.clear();
}

}  // namespace isthmus::b2bua
