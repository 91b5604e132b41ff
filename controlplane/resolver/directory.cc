#include "controlplane/resolver/directory.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include "controlplane/sip/peer_name.h"
#include "dataplane/base/log.h"

namespace isthmus::resolver {

namespace {

constexpr std::uint16_t kPort = 5060;
constexpr std::uint16_t kTlsPort = 5061;

std::uint16_t default_port(sip::Transport transport) { return transport == sip::Transport::kTls ? kTlsPort : kPort; }

/// RFC 3263 4.1
std::string service_name(const Service& service) {
  switch (service.transport) {
    case sip::Transport::kUdp: return "_sip._udp." + service.host;
    case sip::Transport::kTcp: return "_sip._tcp." + service.host;
    case sip::Transport::kTls: return "_sips._tcp." + service.host;
  }
  return service.host;
}

Service normalised(const Service& service) {
  return {sip::normalised_name(service.host), service.port, service.transport};
}

}  // namespace

Directory::~Directory() {
  for (auto& [service, entry] : entries_) timers_.cancel(entry.timer);
}

void Directory::watch(const Service& wanted) {
  if (IpAddress::parse(wanted.host)) return;
  const Service service = normalised(wanted);
  Entry& entry = entries_[service];
  if (std::exchange(entry.is_watched, true) || entry.search != 0) return;
  ask(service, entry);
}

std::vector<SocketAddress> Directory::locate(const Service& wanted) {
  if (const auto address = IpAddress::parse(wanted.host)) {
    return {{*address, wanted.port != 0 ? wanted.port : default_port(wanted.transport)}};
  }
  const Service service = normalised(wanted);
  auto found = entries_.find(service);
  if (found == entries_.end()) {
    if (!make_room()) return {};
    found = entries_.emplace(service, Entry{}).first;
  }
  Entry& entry = found->second;
  const auto now = timers_.now();
  if (entry.search == 0 && entry.fresh_until <= now) ask(service, entry);
  return entry.usable_until > now ? entry.places : std::vector<SocketAddress>{};
}

std::string Directory::trouble(const Service& wanted) const {
  const auto found = entries_.find(normalised(wanted));
  return found == entries_.end() ? "is not known" : found->second.trouble;
}

bool Directory::make_room() {
  const auto now = timers_.now();
  if (entries_.size() < kMaxServices) return true;
  const auto spare = [now](const auto& each) {
    return !each.second.is_watched && each.second.search == 0 && each.second.fresh_until <= now;
  };
  std::erase_if(entries_, spare);
  const auto watched = std::ranges::count_if(entries_, [](const auto& each) { return each.second.is_watched; });
  return entries_.size() - static_cast<std::size_t>(watched) < kMaxServices;
}

void Directory::ask(const Service& service, Entry& entry) {
  const std::uint64_t id = ++last_search_;
  entry.search = id;
  timers_.cancel(entry.timer);
  entry.timer = timers_.start(kGiveUp, [this, service, id] {
    searches_.erase(id);
    const auto found = entries_.find(service);
    if (found != entries_.end() && found->second.search == id) give_up(service, found->second, "no answer in time");
  });
  searches_[id].service = service;
  if (service.port != 0 || dns_.is_in_hosts_file(service.host)) {
    return ask_addresses(id, service.host, service.port != 0 ? service.port : default_port(service.transport), 0);
  }
  dns_.services(service_name(service), [this, alive = std::weak_ptr(alive_), id](Result<Services> answer) {
    if (!alive.expired()) on_services(id, std::move(answer));
  });
}

void Directory::on_services(std::uint64_t id, Result<Services> answer) {
  const auto found = searches_.find(id);
  if (found == searches_.end()) return;
  Search& search = found->second;
  const Service service = search.service;
  if (!answer || answer->records.empty()) {
    return ask_addresses(id, service.host, default_port(service.transport), 0);
  }
  search.ttl = std::min(search.ttl, answer->ttl);
  order(answer->records);
  // RFC 2782: a single "." says that the service is not there at all.
  std::erase_if(answer->records, [](const ServiceRecord& record) { return record.host.empty() || record.host == "."; });
  if (answer->records.empty()) {
    search.trouble = "its SRV record says that there is no such service";
    return finish(id);
  }
  for (std::size_t i = 0; i < answer->records.size(); ++i) {
    ask_addresses(id, answer->records[i].host, answer->records[i].port, i);
  }
}

void Directory::ask_addresses(std::uint64_t id, const std::string& host, std::uint16_t port, std::size_t place) {
  Search& search = searches_[id];
  ++search.missing;
  if (search.found.size() <= place) search.found.resize(place + 1);
  dns_.addresses(host, [this, alive = std::weak_ptr(alive_), id, port, place](Result<Addresses> answer) {
    if (!alive.expired()) on_addresses(id, port, place, std::move(answer));
  });
}

void Directory::on_addresses(std::uint64_t id, std::uint16_t port, std::size_t place, Result<Addresses> answer) {
  const auto found = searches_.find(id);
  if (found == searches_.end()) return;
  Search& search = found->second;
  if (answer) {
    search.ttl = std::min(search.ttl, answer->ttl);
    for (const IpAddress& address : answer->addresses) search.found[place].push_back({address, port});
  } else {
    search.trouble = answer.error().message;
  }
  if (--search.missing == 0) finish(id);
}

void Directory::finish(std::uint64_t id) {
  const Search search = std::move(searches_[id]);
  searches_.erase(id);
  const auto found = entries_.find(search.service);
  if (found == entries_.end() || found->second.search != id) return;
  Entry& entry = found->second;
  std::vector<SocketAddress> places;
  for (const auto& of_target : search.found) {
    for (const SocketAddress& place : of_target) {
      if (places.size() < kMaxPlaces && std::ranges::find(places, place) == places.end()) places.push_back(place);
    }
  }
  if (places.empty()) {
    return give_up(search.service, entry, search.trouble.empty() ? "has no address" : search.trouble);
  }
  const auto now = timers_.now();
  const std::chrono::seconds ttl = std::clamp(search.ttl, kLeastTtl, kMostTtl);
  const bool is_new = entry.places != places;
  entry.places = std::move(places);
  entry.trouble.clear();
  entry.fresh_until = now + ttl;
  entry.usable_until = now + ttl + kStale;
  settle(search.service, entry, ttl);
  if (!is_new || !entry.is_watched) return;
  log::info(
      "dns.found",
      {{"host", search.service.host}, {"first", to_string(entry.places.front())}, {"addresses", entry.places.size()}});
  if (changed_) changed_();
}

void Directory::give_up(const Service& service, Entry& entry, std::string why) {
  if (entry.trouble != why) log::warn("dns.not_found", {{"host", service.host}, {"why", why}});
  entry.trouble = std::move(why);
  entry.fresh_until = timers_.now() + kRetry;
  settle(service, entry, kRetry);
}

void Directory::settle(const Service& service, Entry& entry, event_loop::Duration ask_again_after) {
  entry.search = 0;
  timers_.cancel(entry.timer);
  entry.timer = event_loop::kNoTimer;
  if (!entry.is_watched) return;
  entry.timer = timers_.start(ask_again_after, [this, service] {
    const auto found = entries_.find(service);
    if (found != entries_.end() && found->second.search == 0) ask(service, found->second);
  });
}

void Directory::order(std::vector<ServiceRecord>& records) {
  // Of equals the name decides, so that the draw below starts from one order whatever came in which.
  std::ranges::sort(records, {}, [](const ServiceRecord& record) { return std::tie(record.priority, record.host); });
  for (std::size_t first = 0; first < records.size(); ++first) {
    std::uint32_t sum = 0;
    std::size_t last = first;
    for (; last < records.size() && records[last].priority == records[first].priority; ++last)
      sum += records[last].weight;
    // One of this priority by its share; the rest is looked at again in the next round.
    std::uint64_t chance = sum == 0 ? 0 : random_.below(sum);
    std::size_t chosen = first;
    while (chosen + 1 < last && chance >= records[chosen].weight) chance -= records[chosen++].weight;
    std::rotate(records.begin() + static_cast<std::ptrdiff_t>(first),
                records.begin() + static_cast<std::ptrdiff_t>(chosen),
                records.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
  }
}

}  // namespace isthmus::resolver
