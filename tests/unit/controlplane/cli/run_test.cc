#include "controlplane/cli/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <sstream>
#include <thread>

#include "controlplane/rest/problem.h"
#include "controlplane/rest/server.h"

namespace isthmus::cli {
namespace {

using testing::HasSubstr;

struct RunTest : testing::Test {
  std::ostringstream out;
  std::ostringstream err;
  std::vector<std::string> asked;
  std::vector<Result<Answer>> answers;  ///< in turn; the last one stays
  int looks = 1;

  int run_it(Command command) {
    std::size_t next = 0;
    return run(command, {out, err,
                         [&](std::string_view method, std::string_view target) {
                           asked.push_back(std::string(method) + " " + std::string(target));
                           const std::size_t at = std::min(next++, answers.size() - 1);
                           return answers[at];
                         },
                         [&](std::chrono::seconds) { return --looks > 0; }});
  }
};

TEST_F(RunTest, CallsFollowTheCursor) {
  answers = {Answer{200, R"({"items":[{"id":"c1"}],"next_cursor":"c1"})"},
             Answer{200, R"({"items":[{"id":"c2"}],"next_cursor":null})"}};
  EXPECT_EQ(run_it({.verb = Verb::kCalls}), kExitDone);
  EXPECT_EQ(asked,
            (std::vector<std::string>{"GET /api/v1/calls?limit=1000", "GET /api/v1/calls?limit=1000&cursor=c1"}));
  EXPECT_THAT(out.str(), testing::AllOf(HasSubstr("c1"), HasSubstr("c2")));
}

TEST_F(RunTest, EndlessPagesEnd) {
  answers = {Answer{200, R"({"items":[],"next_cursor":"x"})"}};
  EXPECT_EQ(run_it({.verb = Verb::kCalls}), kExitDone);
  EXPECT_EQ(asked.size(), kMaxPages);
}

TEST_F(RunTest, JsonIsPrintedAsItCame) {
  answers = {Answer{200, R"({"a":1})"}};
  EXPECT_EQ(run_it({.verb = Verb::kStatus, .json = true}), kExitDone);
  EXPECT_EQ(out.str(), "{\"a\":1}\n");
}

TEST_F(RunTest, WhatIsTypedIsEncoded) {
  answers = {Answer{200, "{}"}};
  run_it({.verb = Verb::kRouteTest, .uri = "a b@c&d", .from = "r/s"});
  run_it({.verb = Verb::kCall, .call_id = "../status"});
  EXPECT_EQ(asked, (std::vector<std::string>{"GET /api/v1/route-test?uri=a%20b%40c%26d&from=r%2Fs",
                                             "GET /api/v1/calls/..%2Fstatus"}));
}

TEST_F(RunTest, HangupDeletes) {
  answers = {Answer{202, "{}"}};
  EXPECT_EQ(run_it({.verb = Verb::kHangup, .call_id = "c1"}), kExitDone);
  EXPECT_EQ(asked, std::vector<std::string>{"DELETE /api/v1/calls/c1"});
}

TEST_F(RunTest, StagesAreSwitchedBeforeTheyAreShown) {
  answers = {Answer{200, R"({"measuring":true,"workers":[]})"}};
  EXPECT_EQ(run_it({.verb = Verb::kStages}), kExitDone);
  looks = 2;
  EXPECT_EQ(run_it({.verb = Verb::kStages, .watch = true, .measure = true}), kExitDone);
  EXPECT_EQ(run_it({.verb = Verb::kStages, .measure = false}), kExitDone);
  EXPECT_EQ(asked, (std::vector<std::string>{
                       "GET /api/v1/dataplane/stages", "PUT /api/v1/dataplane/stages?measure=true",
                       "PUT /api/v1/dataplane/stages?measure=true", "PUT /api/v1/dataplane/stages?measure=false"}));
  EXPECT_THAT(out.str(), HasSubstr("are being measured"));
}

TEST_F(RunTest, TraceIsFollowedToItsEndAndForgotten) {
  answers = {Answer{201, "{}"}, Answer{200, R"({"running":true,"records":[{"fate":"forwarded"},{"fate":"dropped"}]})"},
             Answer{200, R"({"running":true,"records":[]})"},
             Answer{200, R"({"running":false,"ended_by":"time","records":[{"fate":"adapted"}]})"}, Answer{200, "{}"}};
  looks = 5;
  EXPECT_EQ(run_it({.verb = Verb::kTrace, .call_id = "c1", .stream = "video", .side = "a", .packets = 9, .seconds = 3}),
            kExitDone);
  EXPECT_EQ(asked, (std::vector<std::string>{"POST /api/v1/calls/c1/trace?stream=video&side=a&packets=9&seconds=3",
                                             "GET /api/v1/calls/c1/trace?from=0", "GET /api/v1/calls/c1/trace?from=2",
                                             "GET /api/v1/calls/c1/trace?from=2", "DELETE /api/v1/calls/c1/trace"}));
  EXPECT_EQ(looks, 4) << "after an empty page it waits";
  EXPECT_THAT(out.str(), HasSubstr("3 record(s), ended by time"));
}

TEST_F(RunTest, ATraceThatNeverEndsIsLeft) {
  answers = {Answer{201, "{}"}, Answer{200, R"({"running":true,"records":[1]})"}};
  EXPECT_EQ(run_it({.verb = Verb::kTrace, .call_id = "c1"}), kExitDone);
  EXPECT_LT(asked.size(), 300U);
}

TEST_F(RunTest, ATraceThatIsRefusedSaysWhy) {
  answers = {Answer{409, rest::problem(409, "trace-runs", "another trace runs").body}};
  EXPECT_EQ(run_it({.verb = Verb::kTrace, .call_id = "c1"}), kExitRefused);
  EXPECT_EQ(err.str(), "isthmus: another trace runs\n");
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(RunTest, WatchLooksAgainUntilItIsStopped) {
  answers = {Answer{200, R"({"items":[]})"}};
  looks = 3;
  EXPECT_EQ(run_it({.verb = Verb::kCalls, .watch = true}), kExitDone);
  EXPECT_EQ(asked.size(), 3U);
}

TEST_F(RunTest, NobodyThereSaysWhatToDo) {
  answers = {fail(ErrorKind::kUnavailable, "Connection refused")};
  EXPECT_EQ(run_it({.verb = Verb::kStatus}), kExitUnreachable);
  EXPECT_THAT(err.str(), testing::AllOf(HasSubstr("http://127.0.0.1:8480"), HasSubstr("Connection refused"),
                                        HasSubstr("hwconfig/up"), HasSubstr("--url")));
}

TEST_F(RunTest, RefusalsAreToldInTheirOwnWords) {
  answers = {Answer{404, rest::problem(404, "no-such-call", "no call has this id").body}};
  EXPECT_EQ(run_it({.verb = Verb::kCall, .call_id = "x"}), kExitRefused);
  EXPECT_EQ(err.str(), "isthmus: no call has this id\n");
  answers = {Answer{401, rest::problem(401, "wrong-token", "not that token").body}};
  run_it({.verb = Verb::kStatus});
  EXPECT_THAT(err.str(), HasSubstr("--token-file"));
}

TEST(ReadToken, MissingFileSaysWhatToDo) {
  const auto token = read_token("/nonexistent/token");
  ASSERT_FALSE(token);
  EXPECT_THAT(token.error().message, HasSubstr("--token-file"));
}

TEST(ParseUrl, HostsPortsAndNothingElse) {
  EXPECT_EQ(parse_url("http://127.0.0.1:8480")->port, 8480);
  EXPECT_EQ(parse_url("http://[::1]:8480/")->host, "::1");
  EXPECT_EQ(parse_url("http://localhost")->port, 80);
  for (const char* text : {"", "127.0.0.1:8480", "https://h", "http://", "http://h:0", "http://h:70000", "http://h:x",
                           "http://h/path", "http://u@h", "http://h:", "http://a b"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

/// Against the real server, in a thread of its own.
TEST(SendRequest, BringsMethodTargetAndTokenThereAndTheAnswerBack) {
  boost::asio::io_context loop;
  rest::Request seen;
  rest::ServerConfig config;
  config.listen = {IpAddress::v4(127, 0, 0, 1), 0};
  auto server = rest::Server::start(loop, config, [&](rest::Request request, rest::Respond respond) {
    seen = std::move(request);
    respond({404, "text/plain", std::string(100'000, 'x'), {}});
  });
  ASSERT_TRUE(server);
  Url url{"127.0.0.1", (*server)->local_address().port, "localhost:1"};
  std::thread thread([&] { loop.run(); });
  const auto answer = send_request(url, "secret", "DELETE", "/a/b?c=d");
  loop.stop();
  thread.join();
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 404U);
  EXPECT_EQ(answer->body.size(), 100'000U);
  EXPECT_EQ(seen.method, "DELETE");
  EXPECT_EQ(seen.target, "/a/b?c=d");
  EXPECT_EQ(seen.host, "localhost:1");
  EXPECT_EQ(seen.authorization, "Bearer secret");
}

TEST(SendRequest, SilenceEndsWithTheTime) {
  boost::asio::io_context loop;  // never runs: accepted by the kernel, answered by nobody
  rest::ServerConfig config;
  config.listen = {IpAddress::v4(127, 0, 0, 1), 0};
  auto server = rest::Server::start(loop, config, [](rest::Request, rest::Respond) {});
  ASSERT_TRUE(server);
  const auto answer =
      send_request({"127.0.0.1", (*server)->local_address().port, "h"}, "t", "GET", "/", std::chrono::milliseconds(20));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace isthmus::cli
