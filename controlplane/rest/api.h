#pragma once

// The routes: which method and path needs which role and leads to which handler. One table, default refuse.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rest/gatekeeper.h"
#include "controlplane/rest/http.h"
#include "controlplane/rest/request_rules.h"
#include "controlplane/status/gateway.h"

namespace isthmus::rest {

inline constexpr std::size_t kDefaultPageCalls = 100;
inline constexpr std::size_t kMaxPageCalls = 1000;
inline constexpr std::size_t kMaxCallIdBytes = 64;

struct Route {
  std::string_view method;
  std::string_view path;  ///< "/api/v1/calls/{id}": a segment in braces takes anything
  Role need = Role::kAdmin;
};

/// Every route there is.
std::span<const Route> routes();

/// Event-loop thread. Answers may come after the call; the source outlives the answers.
class Api {
 public:
  struct Config {
    std::vector<std::string> allowed_hosts;
    std::function<status::WallTime()> now = [] { return std::chrono::system_clock::now(); };
  };

  Api(Config config, Gatekeeper& gatekeeper, status::Source& source);

  void handle(const Request& request, const Respond& respond);

 private:
  struct Found;
  using Method = void (Api::*)(const Target&, const Respond&);
  static const Method kMethods[];

  Found find(const Request& request, const Target& target) const;
  bool admit(const Request& request, Role need, const Respond& respond);

  void get_status(const Target& target, const Respond& respond);
  void list_calls(const Target& target, const Respond& respond);
  void get_call(const Target& target, const Respond& respond);
  void delete_call(const Target& target, const Respond& respond);
  void test_route(const Target& target, const Respond& respond);
  void get_stages(const Target& target, const Respond& respond);
  void switch_stages(const Target& target, const Respond& respond);
  void start_trace(const Target& target, const Respond& respond);
  void read_trace(const Target& target, const Respond& respond);
  void stop_trace(const Target& target, const Respond& respond);
  void get_openapi(const Target& target, const Respond& respond);
  void get_metrics(const Target& target, const Respond& respond);
  void get_health(const Target& target, const Respond& respond);
  void get_ready(const Target& target, const Respond& respond);

  Config config_;
  Gatekeeper& gatekeeper_;
  status::Source& source_;
};

}  // namespace isthmus::rest
