#include "controlplane/rest/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "controlplane/rest/openapi.h"
#include "tests/unit/controlplane/rest/fake_source.h"

namespace isthmus::rest {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

struct ApiTest : testing::Test {
  FakeSource source;
  std::chrono::steady_clock::time_point steady{std::chrono::seconds(100)};
  Gatekeeper gatekeeper{hash_token("secret"), [this] { return steady; }};
  status::WallTime now{std::chrono::seconds(1010)};
  Api api{{{"127.0.0.1", "localhost"}, [this] { return now; }}, gatekeeper, source};
  std::vector<Response> answers;

  Request request(std::string method, std::string target) {
    return {std::move(method), std::move(target), "127.0.0.1:8480", "Bearer secret", "", ""};
  }
  Response ask(const Request& asked) {
    answers.clear();
    api.handle(asked, [this](Response response) { answers.push_back(std::move(response)); });
    EXPECT_EQ(answers.size(), 1U);
    return answers.empty() ? Response{} : answers[0];
  }
  Response get(std::string target) { return ask(request("GET", std::move(target))); }
  json::value body(const Response& response) { return json::parse(response.body); }
  std::string problem_type(const Response& response) {
    EXPECT_EQ(response.content_type, "application/problem+json");
    const json::value problem = body(response);
    EXPECT_EQ(problem.at("status").as_int64(), response.status);
    return std::string(problem.at("type").as_string());
  }
};

TEST_F(ApiTest, EveryRouteButHealthNeedsTheToken) {
  for (const Route& route : routes()) {
    Request asked = request(std::string(route.method), std::string(route.path));
    asked.authorization.clear();
    const Response response = ask(asked);
    if (route.need == Role::kPublic) {
      EXPECT_NE(response.status, 401U) << route.path;
      EXPECT_THAT(std::string(route.path), testing::AnyOf("/healthz", "/readyz"));
    } else {
      EXPECT_EQ(response.status, 401U) << route.path;
      EXPECT_EQ(problem_type(response), "urn:isthmus:problem:no-token");
    }
  }
}

TEST_F(ApiTest, WrongTokensEndInAWait) {
  Request asked = request("GET", "/api/v1/status");
  asked.authorization = "Bearer wrong";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(asked).status, 401U);
  const Response response = ask(asked);
  EXPECT_EQ(response.status, 429U);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Retry-After", "1")));
  EXPECT_EQ(get("/healthz").status, 200U);
}

TEST_F(ApiTest, UnknownRoutesAre404AndWrongMethodsAre405WithAllow) {
  for (const char* target :
       {"/", "/api", "/api/v1", "/api/v1/nothing", "/api/v1/calls/a/b", "/metrics/x", "/HEALTHZ"}) {
    EXPECT_EQ(get(target).status, 404U) << target;
  }
  const Response response = ask(request("POST", "/api/v1/calls/a"));
  EXPECT_EQ(response.status, 405U);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Allow", "GET, DELETE")));
  EXPECT_EQ(ask(request("HEAD", "/healthz")).status, 405U);
  EXPECT_EQ(ask(request("get", "/healthz")).status, 405U);
}

TEST_F(ApiTest, OverrideHeadersHaveNoPlaceInARequest) {
  // The method is the request line's: there is no field for X-HTTP-Method-Override to arrive in.
  source.all_calls = {make_call("c1")};
  get("/api/v1/calls/c1?_method=DELETE");
  EXPECT_TRUE(source.hung_up.empty());
}

TEST_F(ApiTest, ForeignHostsAndOriginsAreRefusedBeforeAnythingElse) {
  Request asked = request("GET", "/api/v1/status");
  asked.host = "evil.example:8480";
  EXPECT_EQ(ask(asked).status, 421U);
  asked.host = "127.0.0.1:8480";
  asked.origin = "http://evil.example";
  EXPECT_EQ(ask(asked).status, 403U);
  asked.origin = "http://127.0.0.1:8480";
  const Response response = ask(asked);
  EXPECT_EQ(response.status, 200U);
  for (const auto& [name, value] : response.headers) EXPECT_NE(name, "Access-Control-Allow-Origin");
}

TEST_F(ApiTest, StatusWithAndWithoutDataPlane) {
  source.state.node = "gw.example.com";
  source.state.calls = 3;
  source.state.max_calls = 100;
  source.state.started = status::WallTime(std::chrono::seconds(1000));
  source.state.peers = {{"rooms", "10.2.0.2:5060", "udp", status::PeerState::kAlive, "", now}};
  source.standing = {{"keys-over-clear", "office", status::Severity::kWarning, "text", now}};
  json::value away = body(get("/api/v1/status"));
  EXPECT_TRUE(away.at("data_plane").is_null());
  EXPECT_EQ(away.at("uptime_s").as_double(), 10);
  EXPECT_EQ(away.at("alarms").at(0).at("id").as_string(), "keys-over-clear");
  EXPECT_EQ(away.at("peers").at(0).at("state").as_string(), "alive");

  contract::DataplaneStatus data_plane;
  data_plane.io_mode = "af_xdp";
  data_plane.pools = {{"rooms", IpAddress::v4(10, 2, 0, 1), 56000, 57000, 500, 0}};
  source.data_plane_status = data_plane;
  json::value here = body(get("/api/v1/status"));
  EXPECT_EQ(here.at("data_plane").at("io_mode").as_string(), "af_xdp");
  EXPECT_EQ(here.at("data_plane").at("pools").at(0).at("percent").to_number<std::uint64_t>(), 50U);
}

TEST_F(ApiTest, CallsComeInPages) {
  for (const char* id : {"c1", "c2", "c3", "c4", "c5"}) source.all_calls.push_back(make_call(id));
  std::vector<std::string> seen;
  std::string target = "/api/v1/calls?limit=2";
  for (int page = 0; page < 10; ++page) {
    const json::value value = body(get(target));
    for (const auto& item : value.at("items").as_array()) seen.emplace_back(item.at("id").as_string());
    EXPECT_LE(value.at("items").as_array().size(), 2U);
    if (value.at("next_cursor").is_null()) break;
    target = "/api/v1/calls?limit=2&cursor=" + std::string(value.at("next_cursor").as_string());
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"c1", "c2", "c3", "c4", "c5"}));
}

TEST_F(ApiTest, FullLastPageHasNoCursor) {
  source.all_calls = {make_call("c1"), make_call("c2")};
  EXPECT_TRUE(body(get("/api/v1/calls?limit=2")).at("next_cursor").is_null());
  EXPECT_TRUE(body(get("/api/v1/calls?cursor=c2")).at("items").as_array().empty());
}

TEST_F(ApiTest, ParametersAreCheckedAtTheirBounds) {
  EXPECT_EQ(get("/api/v1/calls?limit=1").status, 200U);
  EXPECT_EQ(get("/api/v1/calls?limit=1000").status, 200U);
  for (const char* query : {"limit=0", "limit=1001", "limit=", "limit=1x", "limit=-1", "cursor=", "cursor=a%20b",
                            "limits=3", "limit=99999999999999999999"}) {
    EXPECT_EQ(get(std::string("/api/v1/calls?") + query).status, 400U) << query;
  }
  EXPECT_EQ(get("/api/v1/calls?cursor=" + std::string(kMaxCallIdBytes, 'a')).status, 200U);
  EXPECT_EQ(get("/api/v1/calls?cursor=" + std::string(kMaxCallIdBytes + 1, 'a')).status, 400U);
}

TEST_F(ApiTest, CallShowsFiguresOfBothLegsOfEachStream) {
  source.all_calls = {make_call("c1")};
  source.figures = make_figures();
  const json::value call = body(get("/api/v1/calls/c1"));
  EXPECT_EQ(call.at("state").as_string(), "up");
  EXPECT_EQ(call.at("duration_s").as_double(), 7.5);
  EXPECT_EQ(call.at("legs").at(0).at("display_name").as_string(), "Alice <b>");
  const json::value& audio = call.at("streams").at(0);
  EXPECT_EQ(audio.at("kind").as_string(), "audio");
  const json::value& a = audio.at("legs").at(0);
  EXPECT_EQ(a.at("encryption").as_string(), "AES_CM_128_HMAC_SHA1_80");
  EXPECT_EQ(a.at("figures").at("packets_received").to_number<std::uint64_t>(), 500U);
  EXPECT_EQ(a.at("figures").at("lost").as_int64(), 1);
  EXPECT_EQ(a.at("figures").at("jitter_ms").as_double(), 0.5);
  EXPECT_EQ(a.at("figures").at("remote_address").as_string(), "10.1.0.2:4000");
  EXPECT_EQ(a.at("figures").at("drops").to_number<std::uint64_t>(), 3U);
  EXPECT_TRUE(a.at("figures").at("round_trip_ms").is_null());
  EXPECT_TRUE(a.at("figures").at("peer_lost").is_null());
  EXPECT_EQ(audio.at("legs").at(1).at("figures").at("round_trip_ms").as_double(), 12.5);
  EXPECT_TRUE(call.at("figures_missing").is_null());
}

TEST_F(ApiTest, CallWithoutDataPlaneSaysWhatIsMissing) {
  source.all_calls = {make_call("c1")};
  const json::value call = body(get("/api/v1/calls/c1"));
  EXPECT_TRUE(call.at("streams").at(0).at("legs").at(0).at("figures").is_null());
  EXPECT_EQ(call.at("figures_missing").as_string(), "no data plane");
}

TEST_F(ApiTest, EndedCallKeepsItsLastFiguresAndItsReason) {
  status::Call call = make_call("c1");
  call.state = "ended";
  call.ended = status::WallTime(std::chrono::milliseconds(1'004'500));
  call.end_status = 200;
  call.end_reason = "BYE from office";
  call.last_figures = make_figures();
  source.all_calls = {call};
  source.ended = {call};
  source.hold = true;  // the data plane is not asked
  const json::value one = body(get("/api/v1/calls/c1"));
  EXPECT_EQ(one.at("duration_s").as_double(), 2);
  EXPECT_EQ(one.at("end_reason").as_string(), "BYE from office");
  EXPECT_EQ(one.at("streams").at(0).at("legs").at(0).at("figures").at("lost").as_int64(), 1);
  EXPECT_EQ(body(get("/api/v1/calls?ended=true")).at("items").as_array().size(), 1U);
  EXPECT_EQ(get("/api/v1/calls?ended=maybe").status, 400U);
  EXPECT_EQ(get("/api/v1/calls?ended=true&limit=3").status, 400U);
}

TEST_F(ApiTest, CallThatEndsWhileTheDataPlaneIsAskedIs404) {
  source.all_calls = {make_call("c1")};
  source.hold = true;
  std::vector<Response> late;
  api.handle(request("GET", "/api/v1/calls/c1"), [&](Response response) { late.push_back(std::move(response)); });
  EXPECT_TRUE(late.empty());
  source.all_calls.clear();
  source.held.at(0)();
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].status, 404U);
}

TEST_F(ApiTest, DeleteEndsTheCall) {
  source.all_calls = {make_call("c1")};
  EXPECT_EQ(ask(request("DELETE", "/api/v1/calls/c1")).status, 202U);
  EXPECT_EQ(source.hung_up, std::vector<std::string>{"c1"});
  EXPECT_EQ(problem_type(ask(request("DELETE", "/api/v1/calls/c2"))), "urn:isthmus:problem:no-such-call");
  EXPECT_EQ(ask(request("DELETE", "/api/v1/calls/c%0a2")).status, 400U);
}

TEST_F(ApiTest, BodiesAreRefusedWhereNoneIsTaken) {
  Request asked = request("GET", "/api/v1/status");
  asked.body = "{}";
  EXPECT_EQ(ask(asked).status, 400U);
}

TEST_F(ApiTest, RouteTestAnswersWithTargetsAndSteps) {
  const json::value route = body(get("/api/v1/route-test?uri=3001%40example.com&from=office"));
  EXPECT_EQ(route.at("targets").at(0).at("zone").as_string(), "rooms");
  EXPECT_EQ(route.at("history").at(0).as_string(), "from office");
  EXPECT_EQ(get("/api/v1/route-test").status, 400U);
  EXPECT_EQ(get("/api/v1/route-test?uri=bad").status, 400U);
}

TEST_F(ApiTest, ReadyFollowsTheDataPlaneAndTheDrain) {
  EXPECT_EQ(get("/readyz").status, 503U);
  source.state.data_plane_connected = true;
  EXPECT_EQ(get("/readyz").status, 200U);
  source.state.accepting = false;
  EXPECT_EQ(get("/readyz").status, 503U);
}

TEST_F(ApiTest, MetricsStandInFamiliesAndEscapeTheirLabels) {
  source.state.node = "a\"b\\c\nd";
  source.state.figures = {{"sip_requests_total", "Requests.", "method=\"INVITE\"", 3, true},
                          {"sip_requests_total", "Requests.", "method=\"BYE\"", 1, true}};
  contract::DataplaneStatus data_plane;
  data_plane.pools = {{"rooms", IpAddress::v4(10, 2, 0, 1), 56000, 57000, 500, 4}};
  data_plane.counters = {{"packets_forwarded", 10}, {"drop_wrong_source", 2},    {"drop_not_rtp", 1},
                         {"Odd name", 1},           {"worker.3.handed_over", 5}, {"worker.3", 6}};
  source.data_plane_status = data_plane;
  const Response response = get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("# TYPE isthmus_sip_requests_total counter\n"
                                       "isthmus_sip_requests_total{method=\"INVITE\"} 3\n"
                                       "isthmus_sip_requests_total{method=\"BYE\"} 1\n"));
  EXPECT_THAT(response.body, HasSubstr("node=\"a\\\"b\\\\c\\nd\""));
  EXPECT_THAT(response.body, HasSubstr("isthmus_data_plane_drops_total{reason=\"wrong_source\"} 2\n"
                                       "isthmus_data_plane_drops_total{reason=\"not_rtp\"} 1\n"));
  EXPECT_THAT(response.body,
              HasSubstr("isthmus_media_ports_in_use{network=\"rooms\",address=\"10.2.0.1\",protocol=\"udp\"} 500\n"));
  EXPECT_THAT(response.body, HasSubstr("isthmus_data_plane__dd_name_total 1\n"));
  EXPECT_THAT(response.body, HasSubstr("isthmus_data_plane_per_worker_handed_over_total{worker=\"3\"} 5\n"));
  EXPECT_THAT(response.body, HasSubstr("isthmus_data_plane_worker_3_total 6\n"));
  EXPECT_TRUE(response.body.ends_with('\n'));
}

TEST_F(ApiTest, StagesAreReadByViewersAndSwitchedByOperators) {
  source.stage_figures = make_stages();
  json::value stages = body(get("/api/v1/dataplane/stages"));
  EXPECT_FALSE(stages.at("measuring").as_bool());
  const json::value& classify = stages.at("workers").at(0).at("stages").at(0);
  EXPECT_EQ(classify.at("cycles_per_packet").as_double(), 50);
  EXPECT_EQ(classify.at("ns_per_packet").as_double(), 25);
  EXPECT_TRUE(stages.at("workers").at(0).at("stages").at(1).at("cycles_per_packet").is_null());
  EXPECT_TRUE(body(ask(request("PUT", "/api/v1/dataplane/stages?measure=true"))).at("measuring").as_bool());
  EXPECT_TRUE(body(get("/api/v1/dataplane/stages")).at("measuring").as_bool());
  EXPECT_FALSE(body(ask(request("PUT", "/api/v1/dataplane/stages?measure=false"))).at("measuring").as_bool());
  for (const char* query : {"", "?measure=", "?measure=1", "?measure=true&x=1", "?measures=true"}) {
    EXPECT_EQ(ask(request("PUT", std::string("/api/v1/dataplane/stages") + query)).status, 400U) << query;
  }
  EXPECT_EQ(get("/api/v1/dataplane/stages?measure=true").status, 400U) << "a GET switches nothing";
  for (const Route& route : routes()) {
    if (route.path == "/api/v1/dataplane/stages") {
      EXPECT_EQ(route.need, route.method == "PUT" ? Role::kOperator : Role::kViewer);
    }
  }
}

TEST_F(ApiTest, StagesOfADataPlaneThatIsAwayOrOlderAre503) {
  EXPECT_EQ(problem_type(get("/api/v1/dataplane/stages")), "urn:isthmus:problem:data-plane-away");
  source.stage_figures = fail(ErrorKind::kProtocolViolation, "too old", "version");
  const Response response = ask(request("PUT", "/api/v1/dataplane/stages?measure=true"));
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(problem_type(response), "urn:isthmus:problem:data-plane-too-old");
}

TEST_F(ApiTest, StagesAreMetricsOnlyWhileTheyAreMeasured) {
  source.stage_figures = make_stages();
  EXPECT_THAT(get("/metrics").body, testing::Not(HasSubstr("stage")));
  source.stage_figures->measuring = true;
  const std::string text = get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("isthmus_data_plane_stage_cycles_total{worker=\"0\",stage=\"classify\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("isthmus_data_plane_stage_packets_total{worker=\"0\",stage=\"classify\"} 20\n"));
  EXPECT_THAT(text, HasSubstr("isthmus_data_plane_cycles_per_second 2000000000\n"));
}

TEST_F(ApiTest, TraceIsStartedWithWhatWasAskedFor) {
  source.all_calls = {make_call("c1")};
  status::CallStream video;
  video.kind = contract::MediaKind::kVideo;
  source.all_calls[0].streams.push_back(video);
  source.all_calls[0].streams.push_back(video);
  source.all_calls[0].streams[2].active = true;
  const auto start = [&](const std::string& query) {
    return ask(request("POST", "/api/v1/calls/c1/trace" + query)).status;
  };
  EXPECT_EQ(start(""), 201U);
  EXPECT_EQ(source.traced.at(0), (contract::TraceSpec{{7}, 0, {}, 1'000, 10'000}));
  EXPECT_EQ(start("?stream=video&side=b&packets=10000&seconds=600"), 201U);
  EXPECT_EQ(source.traced.at(1), (contract::TraceSpec{{7}, 2, contract::Side::kB, 10'000, 600'000}));
  EXPECT_EQ(start("?stream=1&side=a&packets=1&seconds=1"), 201U);
  EXPECT_EQ(source.traced.at(2), (contract::TraceSpec{{7}, 1, contract::Side::kA, 1, 1'000}));
  for (const char* query : {"?stream=3", "?stream=-1", "?stream=slides", "?stream=", "?side=c", "?packets=0",
                            "?packets=10001", "?packets=x", "?seconds=0", "?seconds=601", "?seconds=1x", "?for=1"}) {
    EXPECT_EQ(start(query), 400U) << query;
  }
  EXPECT_EQ(source.traced.size(), 3U);
}

TEST_F(ApiTest, TraceSaysWhyItDoesNotStart) {
  EXPECT_EQ(problem_type(ask(request("POST", "/api/v1/calls/c1/trace"))), "urn:isthmus:problem:no-such-call");
  source.all_calls = {make_call("c1"), make_call("c2")};
  source.all_calls[1].session = {};
  EXPECT_EQ(problem_type(ask(request("POST", "/api/v1/calls/c2/trace"))), "urn:isthmus:problem:no-media");
  source.trace_error = Error{ErrorKind::kExhausted, "another one runs", "worker"};
  Response response = ask(request("POST", "/api/v1/calls/c1/trace"));
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(problem_type(response), "urn:isthmus:problem:trace-runs");
  source.trace_error = Error{ErrorKind::kUnavailable, "away", "contract"};
  EXPECT_EQ(ask(request("POST", "/api/v1/calls/c1/trace")).status, 503U);
}

TEST_F(ApiTest, TraceIsReadAndStopped) {
  source.all_calls = {make_call("c1")};
  EXPECT_EQ(problem_type(get("/api/v1/calls/c1/trace")), "urn:isthmus:problem:no-trace");
  source.trace_page = make_trace();
  const json::value page = body(get("/api/v1/calls/c1/trace?from=5"));
  EXPECT_EQ(source.read_from.back(), (std::pair<std::uint64_t, std::uint64_t>(7, 5)));
  EXPECT_EQ(page.at("kind").as_string(), "audio");
  EXPECT_EQ(page.at("zones").at(0).as_string(), "office");
  EXPECT_FALSE(page.at("running").as_bool());
  EXPECT_EQ(page.at("ended_by").as_string(), "packets");
  const json::value& first = page.at("records").at(0);
  EXPECT_EQ(first.at("time").as_string(), "2025-11-24T16:02:03.456789Z");
  EXPECT_EQ(first.at("rtp_out").at("sequence").to_number<int>(), 12);
  EXPECT_EQ(first.at("took_us").as_double(), 1.5);
  EXPECT_EQ(first.at("held_us").as_double(), 1.5);
  const json::value& second = page.at("records").at(1);
  EXPECT_EQ(second.at("side").as_string(), "b");
  EXPECT_EQ(second.at("drop_reason").as_string(), "srtp_auth_failed");
  EXPECT_EQ(second.at("stage").as_string(), "unprotect");
  EXPECT_EQ(second.at("opened").as_string(), "failed");
  EXPECT_TRUE(second.at("closed").is_null());
  EXPECT_TRUE(second.at("rtp_out").is_null());
  EXPECT_TRUE(second.at("bytes_out").is_null());
  EXPECT_EQ(get("/api/v1/calls/c1/trace?from=10001").status, 400U);
  EXPECT_EQ(get("/api/v1/calls/c1/trace?to=1").status, 400U);
  EXPECT_EQ(ask(request("DELETE", "/api/v1/calls/c1/trace")).status, 200U);
  EXPECT_EQ(source.stopped, std::vector<std::uint64_t>{7});
}

TEST_F(ApiTest, OpenApiDocumentListsExactlyTheRoutes) {
  const json::value document = json::parse(kOpenApi);
  EXPECT_TRUE(document.at("openapi").as_string().starts_with("3."));
  std::set<std::pair<std::string, std::string>> documented;
  std::set<std::pair<std::string, std::string>> unsecured;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters") continue;
      std::string upper(method);
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      documented.emplace(upper, path);
      if (operation.as_object().contains("security")) unsecured.emplace(upper, path);
    }
  }
  std::set<std::pair<std::string, std::string>> served;
  std::set<std::pair<std::string, std::string>> open;
  for (const Route& route : routes()) {
    served.emplace(route.method, route.path);
    if (route.need == Role::kPublic) open.emplace(route.method, route.path);
  }
  EXPECT_EQ(documented, served);
  EXPECT_EQ(unsecured, open);
  EXPECT_EQ(get("/api/v1/openapi.json").body, kOpenApi);
}

/// Every key of an answer is in the schema, so that the document cannot fall behind.
void expect_described(const json::value& value, const json::value& schema, const json::object& schemas,
                      const std::string& where) {
  json::value resolved = schema;
  if (const auto* all_of = schema.as_object().if_contains("allOf")) resolved = all_of->at(0);
  if (const auto* ref = resolved.as_object().if_contains("$ref")) {
    const std::string_view text = ref->as_string();
    resolved = schemas.at(text.substr(text.rfind('/') + 1));
  }
  if (value.is_object()) {
    ASSERT_TRUE(resolved.as_object().contains("properties")) << where;
    for (const auto& [key, member] : value.as_object()) {
      const auto* property = resolved.at("properties").as_object().if_contains(key);
      ASSERT_NE(property, nullptr) << where << "." << std::string_view(key);
      expect_described(member, *property, schemas, where + "." + std::string(key));
    }
  } else if (value.is_array()) {
    for (const auto& item : value.as_array()) expect_described(item, resolved.at("items"), schemas, where + "[]");
  }
}

TEST_F(ApiTest, AnswersHaveOnlyKeysThatTheDocumentDescribes) {
  source.all_calls = {make_call("c1")};
  source.figures = make_figures();
  contract::DataplaneStatus data_plane;
  data_plane.pools = {{"rooms", IpAddress::v4(10, 2, 0, 1), 56000, 57000, 500, 4}};
  source.data_plane_status = data_plane;
  source.state.peers = {{"rooms", "10.2.0.2:5060", "udp", status::PeerState::kAlive, "", now}};
  source.state.listeners = {{"udp", "udp", "10.2.0.1:5060"}};
  source.standing = {{"keys-over-clear", "office", status::Severity::kWarning, "text", now}};
  const json::value document = json::parse(kOpenApi);
  const json::object& schemas = document.at("components").at("schemas").as_object();
  expect_described(body(get("/api/v1/status")), schemas.at("Status"), schemas, "Status");
  expect_described(body(get("/api/v1/calls")), schemas.at("CallPage"), schemas, "CallPage");
  expect_described(body(get("/api/v1/calls/c1")), schemas.at("Call"), schemas, "Call");
  source.stage_figures = make_stages();
  expect_described(body(get("/api/v1/dataplane/stages")), schemas.at("Stages"), schemas, "Stages");
  source.trace_page = make_trace();
  expect_described(body(get("/api/v1/calls/c1/trace")), schemas.at("Trace"), schemas, "Trace");
  expect_described(body(get("/api/v1/route-test?uri=a")), schemas.at("Route"), schemas, "Route");
  expect_described(body(get("/api/v1/nothing")), schemas.at("Problem"), schemas, "Problem");
}

}  // namespace
}  // namespace isthmus::rest
