#include "controlplane/resolver/cares_dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "controlplane/resolver/answer_ttl.h"

namespace isthmus::resolver {

namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr int kTryMs = 2'000;
constexpr int kTries = 2;
/// c-ares wants to be looked at now and then even if no socket has anything.
constexpr std::chrono::milliseconds kLookAgain{1'000};

std::string text_of(int status) { return ares_strerror(status); }

bool is_nothing(int status) { return status == ARES_ENODATA || status == ARES_ENOTFOUND; }

std::optional<IpAddress> address_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return IpAddress::v6(bytes);
  }
  return std::nullopt;
}

Result<Addresses> addresses_in(int status, const ares_addrinfo* info) {
  if (status != ARES_SUCCESS) return fail(ErrorKind::kUnavailable, text_of(status));
  Addresses found;
  found.ttl = std::chrono::seconds::max();
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (found.addresses.size() == kMaxAddressesOfName) break;
    if (const auto address = address_of(node->ai_addr)) found.addresses.push_back(*address);
    found.ttl = std::min(found.ttl, std::chrono::seconds(std::max(node->ai_ttl, 0)));
  }
  if (found.addresses.empty()) return fail(ErrorKind::kUnavailable, "has no address");
  return found;
}

Result<Services> services_in(int status, const unsigned char* bytes, int size) {
  if (is_nothing(status)) return Services{};
  if (status != ARES_SUCCESS) return fail(ErrorKind::kUnavailable, text_of(status));
  ares_srv_reply* first = nullptr;
  const int parsed = ares_parse_srv_reply(bytes, size, &first);
  const std::unique_ptr<ares_srv_reply, void (*)(void*)> owner(first, ares_free_data);
  if (is_nothing(parsed)) return Services{};
  if (parsed != ARES_SUCCESS) return fail(ErrorKind::kMalformedInput, text_of(parsed));
  Services found;
  found.ttl = least_ttl({bytes, static_cast<std::size_t>(size)}).value_or(std::chrono::seconds(0));
  for (const ares_srv_reply* record = first; record != nullptr; record = record->next) {
    if (found.records.size() == kMaxServicesOfName) break;
    found.records.push_back({record->priority, record->weight, record->port, record->host});
  }
  return found;
}

}  // namespace

class CaresDns::Impl {
 public:
  explicit Impl(event_loop::EventLoop& loop) : loop_(loop) {}
  ~Impl() {
    alive_.reset();
    loop_.timers().cancel(timer_);
    if (channel_ != nullptr) ares_destroy(channel_);
    for (auto& [socket, watch] : watches_) watch->descriptor.release();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status open(const std::string& servers) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return fail(ErrorKind::kUnavailable, "c-ares: " + text_of(library));
    ares_options options{};
    options.timeout = kTryMs;
    options.tries = kTries;
    char files_then_dns[] = "fb";
    options.lookups = files_then_dns;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
      static_cast<Impl*>(self)->on_socket(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    const int made = ares_init_options(&channel_, &options,
                                       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (made != ARES_SUCCESS) return fail(ErrorKind::kUnavailable, "c-ares: " + text_of(made));
    if (!servers.empty()) {
      const int set = ares_set_servers_ports_csv(channel_, servers.c_str());
      if (set != ARES_SUCCESS) return fail(ErrorKind::kInvalidArgument, "c-ares: " + text_of(set), "servers");
    }
    return {};
  }

  /// A question that is out. c-ares gives it back exactly once, at the latest when the channel is destroyed.
  template <typename Answer>
  struct Question {
    Impl* self = nullptr;
    std::function<void(Result<Answer>)> done;
  };

  void addresses(const std::string& name, std::function<void(Result<Addresses>)> done) {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;  // each address once
    hints.ai_flags = ARES_AI_NOSORT;
    const auto callback = [](void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
      const std::unique_ptr<Question<Addresses>> question(static_cast<Question<Addresses>*>(argument));
      if (status != ARES_EDESTRUCTION) question->self->later(std::move(question->done), addresses_in(status, info));
      if (info != nullptr) ares_freeaddrinfo(info);
    };
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, callback, new Question<Addresses>{this, std::move(done)});
    look_again();
  }

  void services(const std::string& name, std::function<void(Result<Services>)> done) {
    const auto callback = [](void* argument, int status, int /*timeouts*/, unsigned char* bytes, int size) {
      const std::unique_ptr<Question<Services>> question(static_cast<Question<Services>*>(argument));
      if (status != ARES_EDESTRUCTION)
        question->self->later(std::move(question->done), services_in(status, bytes, size));
    };
    ares_query(channel_, name.c_str(), ns_c_in, ns_t_srv, callback, new Question<Services>{this, std::move(done)});
    look_again();
  }

  bool is_in_hosts_file(const std::string& name) {
    for (const int family : {AF_INET, AF_INET6}) {
      hostent* found = nullptr;
      const int status = ares_gethostbyname_file(channel_, name.c_str(), family, &found);
      if (found != nullptr) ares_free_hostent(found);
      if (status == ARES_SUCCESS) return true;
    }
    return false;
  }

 private:
  struct Watch {
    explicit Watch(boost::asio::io_context& context) : descriptor(context) {}
    stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool waits_read = false;
    bool waits_write = false;
  };

  /// c-ares answers some questions while they are asked.
  template <typename Answer>
  void later(std::function<void(Result<Answer>)> done, Result<Answer> answer) {
    loop_.post([alive = std::weak_ptr(alive_), done = std::move(done), answer = std::move(answer)] {
      if (!alive.expired()) done(answer);
    });
  }

  void on_socket(ares_socket_t socket, bool readable, bool writable) {
    if (!readable && !writable) {
      const auto found = watches_.find(socket);
      if (found == watches_.end()) return;
      found->second->descriptor.release();  // c-ares closes it; what waits is called with an error
      watches_.erase(found);
      return;
    }
    std::shared_ptr<Watch>& watch = watches_[socket];
    if (!watch) {
      watch = std::make_shared<Watch>(loop_.context());
      error_code ignored;
      watch->descriptor.assign(socket, ignored);
    }
    watch->wants_read = readable;
    watch->wants_write = writable;
    wait(socket, watch);
  }

  /// shared_ptr: the handlers that wait may outlive the watch.
  void wait(ares_socket_t socket, const std::shared_ptr<Watch>& watch) {
    if (watch->wants_read && !std::exchange(watch->waits_read, true)) {
      watch->descriptor.async_wait(stream_descriptor::wait_read,
                                   [this, alive = std::weak_ptr(alive_), socket, watch](const error_code& error) {
                                     if (error || alive.expired()) return;
                                     watch->waits_read = false;
                                     process(socket, ARES_SOCKET_BAD, watch);
                                   });
    }
    if (watch->wants_write && !std::exchange(watch->waits_write, true)) {
      watch->descriptor.async_wait(stream_descriptor::wait_write,
                                   [this, alive = std::weak_ptr(alive_), socket, watch](const error_code& error) {
                                     if (error || alive.expired()) return;
                                     watch->waits_write = false;
                                     process(ARES_SOCKET_BAD, socket, watch);
                                   });
    }
  }

  void process(ares_socket_t readable, ares_socket_t writable, const std::shared_ptr<Watch>& watch) {
    const ares_socket_t socket = readable != ARES_SOCKET_BAD ? readable : writable;
    ares_process_fd(channel_, readable, writable);
    const auto still = watches_.find(socket);
    if (still != watches_.end() && still->second == watch) wait(socket, watch);
    look_again();
  }

  /// Its time-outs, as long as a question is out.
  void look_again() {
    if (timer_ != event_loop::kNoTimer) return;
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return;  // nothing is out
    const auto after = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    timer_ =
        loop_.timers().start(std::min<event_loop::Duration>(after + std::chrono::milliseconds(1), kLookAgain), [this] {
          timer_ = event_loop::kNoTimer;
          ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
          look_again();
        });
  }

  event_loop::EventLoop& loop_;
  ares_channel channel_ = nullptr;
  std::unordered_map<ares_socket_t, std::shared_ptr<Watch>> watches_;
  event_loop::TimerId timer_ = event_loop::kNoTimer;
  /// Handlers may run when this is gone. Nobody else shares it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

CaresDns::CaresDns(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CaresDns::~CaresDns() = default;

Result<std::unique_ptr<CaresDns>> CaresDns::open(event_loop::EventLoop& loop, const std::string& servers) {
  auto impl = std::make_unique<Impl>(loop);
  if (const Status opened = impl->open(servers); !opened) return forward_error(opened);
  return std::unique_ptr<CaresDns>(new CaresDns(std::move(impl)));
}

void CaresDns::addresses(const std::string& name, std::function<void(Result<Addresses>)> done) {
  impl_->addresses(name, std::move(done));
}
void CaresDns::services(const std::string& name, std::function<void(Result<Services>)> done) {
  impl_->services(name, std::move(done));
}
bool CaresDns::is_in_hosts_file(const std::string& name) { return impl_->is_in_hosts_file(name); }

}  // namespace isthmus::resolver
