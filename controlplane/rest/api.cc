#include "controlplane/rest/api.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <utility>

#include "controlplane/rest/answers.h"
#include "controlplane/rest/json.h"
#include "controlplane/rest/metrics.h"
#include "controlplane/rest/openapi.h"
#include "controlplane/rest/problem.h"
#include "dataplane/base/log.h"

namespace isthmus::rest {
namespace {

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/status", Role::kViewer},
    {"GET", "/api/v1/calls", Role::kViewer},
    {"GET", "/api/v1/calls/{id}", Role::kViewer},
    {"DELETE", "/api/v1/calls/{id}", Role::kOperator},
    {"GET", "/api/v1/route-test", Role::kViewer},
    {"POST", "/api/v1/calls/{id}/trace", Role::kOperator},
    {"GET", "/api/v1/calls/{id}/trace", Role::kViewer},
    {"DELETE", "/api/v1/calls/{id}/trace", Role::kOperator},
    {"GET", "/api/v1/dataplane/stages", Role::kViewer},
    {"PUT", "/api/v1/dataplane/stages", Role::kOperator},
    {"GET", "/api/v1/openapi.json", Role::kViewer},
    {"GET", "/metrics", Role::kViewer},
    {"GET", "/healthz", Role::kPublic},
    {"GET", "/readyz", Role::kPublic},
};

/// Compares segment by segment; "{...}" takes any.
bool matches(std::string_view pattern, const std::vector<std::string>& segments) {
  std::size_t at = 0;
  for (; !pattern.empty(); ++at) {
    pattern.remove_prefix(1);  // the slash
    const std::string_view word = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(word.size());
    if (at == segments.size() || (!word.starts_with('{') && word != segments[at])) return false;
  }
  return at == segments.size();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Api::Method Api::kMethods[] = {
    &Api::get_status,  &Api::list_calls,  &Api::get_call,   &Api::delete_call, &Api::test_route,
    &Api::start_trace, &Api::read_trace,  &Api::stop_trace, &Api::get_stages,  &Api::switch_stages,
    &Api::get_openapi, &Api::get_metrics, &Api::get_health, &Api::get_ready,
};

struct Api::Found {
  const Route* route = nullptr;
  Method method = nullptr;
  std::string allow;  ///< methods that the path has, where the one asked for is not among them
};

Api::Api(Config config, Gatekeeper& gatekeeper, status::Source& source)
    : config_(std::move(config)), gatekeeper_(gatekeeper), source_(source) {
  static_assert(std::size(kMethods) == std::size(kRoutes));
}

Api::Found Api::find(const Request& request, const Target& target) const {
  Found found;
  for (std::size_t i = 0; i < std::size(kRoutes); ++i) {
    if (!matches(kRoutes[i].path, target.segments)) continue;
    if (kRoutes[i].method == request.method) return {&kRoutes[i], kMethods[i], {}};
    found.allow += (found.allow.empty() ? "" : ", ") + std::string(kRoutes[i].method);
  }
  return found;
}

bool Api::admit(const Request& request, Role need, const Respond& respond) {
  if (need == Role::kPublic) return true;
  const Gatekeeper::Verdict verdict = gatekeeper_.admit(request.authorization);
  Response refusal;
  switch (verdict.kind) {
    case Gatekeeper::Verdict::Kind::kKnown:
      if (verdict.role >= need) return true;
      refusal = problem(403, "role-too-low", "this token may not do that");
      break;
    case Gatekeeper::Verdict::Kind::kNoToken:
      refusal = problem(401, "no-token", "send the bearer token of this gateway");
      refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
      break;
    case Gatekeeper::Verdict::Kind::kWrongToken:
      log::warn("rest.wrong_token", {{"failures", gatekeeper_.failures()}});
      refusal = problem(401, "wrong-token", "the bearer token is not that of this gateway");
      refusal.headers.emplace_back("WWW-Authenticate", "Bearer error=\"invalid_token\"");
      break;
    case Gatekeeper::Verdict::Kind::kWait:
      refusal = problem(429, "too-many-failures", "too many wrong tokens; wait before the next attempt");
      refusal.headers.emplace_back("Retry-After", std::to_string(verdict.retry_after.count()));
      break;
  }
  respond(std::move(refusal));
  return false;
}

void Api::handle(const Request& request, const Respond& respond) {
  // Before anything else is looked at: a page in an operator's browser must not get further than this (B5).
  if (!host_allowed(request.host, config_.allowed_hosts)) {
    return respond(problem(421, "unknown-host", "the Host header names another host"));
  }
  if (!origin_allowed(request.origin, config_.allowed_hosts)) {
    return respond(problem(403, "foreign-origin", "requests of pages from elsewhere are refused"));
  }
  const Result<Target> target = parse_target(request.target);
  if (!target) return respond(problem(400, "malformed-target", target.error().message));
  const Found found = find(request, *target);
  if (found.route == nullptr && found.allow.empty()) {
    return respond(problem(404, "no-such-route", "there is nothing here; see /api/v1/openapi.json"));
  }
  if (found.route == nullptr) {
    Response refusal = problem(405, "wrong-method");
    refusal.headers.emplace_back("Allow", found.allow);
    return respond(std::move(refusal));
  }
  if (!admit(request, found.route->need, respond)) return;
  // No route takes a body yet.
  if (!request.body.empty()) return respond(problem(400, "unexpected-body", "this route takes no body"));
  (this->*found.method)(*target, respond);
}

void Api::get_status(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  source_.data_plane([this, respond](const Result<contract::DataplaneStatus>& data_plane) {
    respond(ok(to_json(source_.gateway(), source_.alarms(), data_plane, config_.now())));
  });
}

void Api::list_calls(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {"limit", "cursor", "ended"})) return respond(std::move(*refusal));
  if (const std::string* ended = find_parameter(target, "ended"); ended != nullptr && *ended != "false") {
    if (*ended != "true" || target.query.size() != 1) {
      return respond(problem(400, "bad-parameter", "ended must be true or false; ended calls come in one page"));
    }
    return respond(ok(to_json(source_.ended_calls(), {}, config_.now())));
  }
  std::size_t limit = kDefaultPageCalls;
  if (const std::string* text = find_parameter(target, "limit")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > kMaxPageCalls) {
      return respond(problem(400, "bad-parameter", "limit must be in 1..1000"));
    }
  }
  const std::string* cursor = find_parameter(target, "cursor");
  if (cursor != nullptr && !is_call_id(*cursor)) {
    return respond(problem(400, "bad-parameter", "cursor must be the next_cursor of the page before"));
  }
  std::vector<status::Call> calls = source_.calls(cursor != nullptr ? *cursor : std::string_view{}, limit + 1);
  const bool more = calls.size() > limit;
  if (more) calls.resize(limit);
  respond(ok(to_json(calls, more ? std::string_view(calls.back().id) : std::string_view{}, config_.now())));
}

void Api::get_call(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  const std::string& id = target.segments.back();
  const auto call = is_call_id(id) ? source_.call(id) : std::nullopt;
  if (!call) return respond(no_such_call());
  if (call->last_figures) return respond(ok(to_json(*call, *call->last_figures, config_.now())));
  if (call->session.value == 0 || call->ended) {
    const Result<contract::SessionStats> none = fail(ErrorKind::kUnavailable, "the call has no media");
    return respond(ok(to_json(*call, none, config_.now())));
  }
  source_.media_figures(call->session, [this, respond, id](const Result<contract::SessionStats>& figures) {
    // The call may have changed, or ended, while the data plane was asked.
    const auto later = source_.call(id);
    respond(later ? ok(to_json(*later, figures, config_.now())) : no_such_call());
  });
}

void Api::delete_call(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  const std::string& id = target.segments.back();
  if (!is_call_id(id) || !source_.hang_up(id)) return respond(no_such_call());
  log::info("rest.hang_up", {{"call", id}});
  Response response;
  response.status = 202;
  response.body = state_to_json("ending");
  respond(std::move(response));
}

void Api::test_route(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {"uri", "from"})) return respond(std::move(*refusal));
  const std::string* uri = find_parameter(target, "uri");
  if (uri == nullptr) return respond(problem(400, "bad-parameter", "uri is missing"));
  const std::string* from = find_parameter(target, "from");
  const auto route = source_.test_route(*uri, from != nullptr ? *from : std::string_view{});
  if (!route) return respond(problem(400, "bad-parameter", route.error().message));
  respond(ok(to_json(*route)));
}

void Api::get_openapi(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  respond(ok(std::string(kOpenApi)));
}

void Api::get_metrics(const Target&, const Respond& respond) {
  source_.data_plane([this, respond](const Result<contract::DataplaneStatus>& data_plane) {
    source_.stages({}, [this, respond, data_plane](const Result<contract::StageFigures>& stages) {
      Response response;
      response.content_type = kMetricsContentType;
      response.body = to_prometheus(source_.gateway(), source_.alarms(), data_plane, stages);
      respond(std::move(response));
    });
  });
}

void Api::get_health(const Target&, const Respond& respond) { respond(ok(state_to_json("alive"))); }

void Api::get_ready(const Target&, const Respond& respond) {
  const status::Gateway gateway = source_.gateway();
  Response response;
  const bool ready = gateway.data_plane_connected && gateway.accepting;
  response.status = ready ? 200 : 503;
  response.body = state_to_json(ready ? "ready" : gateway.data_plane_connected ? "draining" : "data plane away");
  respond(std::move(response));
}

}  // namespace isthmus::rest
