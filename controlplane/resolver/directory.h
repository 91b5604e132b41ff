#pragma once

// Where peers are that are known by name (RFC 3263, the part that a configured transport leaves): what is known now, at
// once, and kept fresh behind. No call waits for the domain name system.
//
//   numeric -> itself;  name with port, or in the hosts file -> A/AAAA;  name -> SRV of its transport, then A/AAAA
//
//   asked --answer--> fresh --TTL over--> asked again, the old answer serves
//     \--no answer--> the old answer serves for kStale, then none; asked again after kRetry

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "controlplane/resolver/dns.h"
#include "controlplane/sip/transport.h"
#include "dataplane/base/random.h"

namespace isthmus::resolver {

inline constexpr std::size_t kMaxPlaces = 16;        ///< addresses of one service
inline constexpr std::size_t kMaxServices = 1024;    ///< known at once, watched ones apart
inline constexpr std::chrono::seconds kLeastTtl{5};  ///< a TTL of 0 must not become a flood of questions
inline constexpr std::chrono::seconds kMostTtl{3600};
inline constexpr std::chrono::seconds kRetry{10};
inline constexpr std::chrono::seconds kStale{3600};
inline constexpr std::chrono::seconds kGiveUp{10};  ///< one search with all its questions

struct Service {
  std::string host;        ///< a name or a numeric address
  std::uint16_t port = 0;  ///< 0: that of its SRV records, or the transport's own
  sip::Transport transport = sip::Transport::kUdp;

  auto operator<=>(const Service&) const = default;
};

/// Event-loop thread.
class Directory {
 public:
  Directory(Dns& dns, event_loop::Timers& timers, RandomSource& random) : dns_(dns), timers_(timers), random_(random) {}
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// From now on it is kept fresh without being asked for.
  void watch(const Service& service);
  /// Called when the addresses of a watched service have changed.
  void on_change(std::function<void()> handler) { changed_ = std::move(handler); }

  /// Best first; empty while it is not known, and then it is being asked for.
  std::vector<SocketAddress> locate(const Service& service);
  /// Why locate() gives nothing.
  std::string trouble(const Service& service) const;

 private:
  struct Entry {
    std::vector<SocketAddress> places;
    event_loop::TimePoint fresh_until{};
    event_loop::TimePoint usable_until{};
    bool is_watched = false;
    std::uint64_t search = 0;  // that is under way; 0: none
    std::string trouble = "was not asked for yet";
    event_loop::TimerId timer = event_loop::kNoTimer;  // the search's end, else the next one of a watched service
  };
  /// One search: the answers that it has, those that it waits for.
  struct Search {
    Service service;
    std::vector<std::vector<SocketAddress>> found;  // by target, best first
    std::size_t missing = 0;
    std::chrono::seconds ttl = kMostTtl;
    std::string trouble;
  };

  void ask(const Service& service, Entry& entry);
  void ask_addresses(std::uint64_t id, const std::string& host, std::uint16_t port, std::size_t place);
  void on_services(std::uint64_t id, Result<Services> answer);
  void on_addresses(std::uint64_t id, std::uint16_t port, std::size_t place, Result<Addresses> answer);
  void finish(std::uint64_t id);
  void give_up(const Service& service, Entry& entry, std::string why);
  void settle(const Service& service, Entry& entry, event_loop::Duration ask_again_after);
  bool make_room();
  /// RFC 2782: by priority, within one by chance as the weights say.
  void order(std::vector<ServiceRecord>& records);

  Dns& dns_;
  event_loop::Timers& timers_;
  RandomSource& random_;
  std::function<void()> changed_;
  std::map<Service, Entry> entries_;
  std::map<std::uint64_t, Search> searches_;
  std::uint64_t last_search_ = 0;
  /// Answers may come when this is gone. Nobody else shares it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace isthmus::resolver
