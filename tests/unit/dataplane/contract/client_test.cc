#include "dataplane/contract/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <cstring>

#include "dataplane/contract/listen_socket.h"
#include "fake_dataplane.h"

namespace isthmus::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class ClientTest : public ::testing::Test {
 protected:
  void serve(std::uint64_t incarnation = 1, std::uint16_t newest_version = kVersion) {
    ServerConfig config;
    config.path = folder_.socket();
    config.incarnation = incarnation;
    config.newest_version = newest_version;
    Result<std::unique_ptr<Server>> made = Server::make(config, dataplane_);
    ASSERT_TRUE(made) << to_string(made.error());
    server_ = *std::move(made);
  }
  void connect(ClientConfig config = {}) {
    config.path = folder_.socket();
    config.first_backoff = 1ms;
    config.max_backoff = 2ms;
    client_ = std::make_unique<Client>(loop_, config);
    client_->on_connection([this](bool up, std::uint64_t incarnation) {
      connections_.push_back(up ? static_cast<int>(incarnation) : -1);
    });
    client_->on_event([this](const Event& event) { events_.push_back(event); });
    client_->start();
  }
  /// Runs both sides until `condition`; two seconds are a failure.
  template <typename Condition>
  ::testing::AssertionResult until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return ::testing::AssertionFailure() << "not within two seconds";
      if (server_) server_->handle_ready();
      loop_.restart();
      loop_.run_one_for(1ms);
    }
    return ::testing::AssertionSuccess();
  }
  void connected() {
    serve();
    connect();
    ASSERT_TRUE(until([&] { return client_->connected(); }));
  }
  /// A callback that stores the answer and counts its calls.
  template <typename T>
  Relay::Callback<T> store(std::optional<Result<T>>& to) {
    return [this, &to](Result<T> result) {
      ++calls_;
      to = std::move(result);
    };
  }

  SocketFolder folder_;
  FakeDataplane dataplane_;
  boost::asio::io_context loop_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
  std::vector<int> connections_;  ///< incarnation, or -1 for "gone"
  std::vector<Event> events_;
  int calls_ = 0;
};

TEST_F(ClientTest, EachOperationGetsItsAnswer) {
  connected();
  std::optional<Result<SessionState>> opened, updated;
  std::optional<Result<SessionStats>> stats, closed;
  std::optional<Result<SessionPage>> page;
  std::optional<Result<DataplaneStatus>> status;
  std::optional<Result<void>> sent;
  const SessionId id{7};
  client_->open(sample_spec(7), store(opened));
  client_->update(sample_spec(7, 4), store(updated));
  client_->stats(id, store(stats));
  client_->list({}, store(page));
  client_->status(store(status));
  const std::uint8_t packet[] = {1, 2};
  client_->send_packet(id, 0, Side::kA, Component::kRtp, v4(1, 1), packet, store(sent));
  client_->close(id, store(closed));
  EXPECT_EQ(calls_, 0) << "never inside the call";
  ASSERT_TRUE(until([&] { return calls_ == 7; }));
  EXPECT_EQ((*opened)->revision, 3U);
  EXPECT_EQ((*updated)->revision, 4U);
  EXPECT_EQ((*stats)->id, id);
  EXPECT_EQ((*page)->sessions.size(), 1U);
  EXPECT_EQ((*status)->io_mode, "af_xdp");
  EXPECT_TRUE(*sent);
  EXPECT_TRUE((*closed)->streams.empty());
  EXPECT_EQ(dataplane_.specs.size(), 0U);
}

TEST_F(ClientTest, TypedErrorsOfTheDataPlaneArrive) {
  connected();
  dataplane_.error = Error{ErrorKind::kExhausted, "no port left in the pool", "port"};
  std::optional<Result<SessionState>> opened;
  client_->open(sample_spec(), store(opened));
  ASSERT_TRUE(until([&] { return opened.has_value(); }));
  EXPECT_EQ(opened->error(), *dataplane_.error);
}

TEST_F(ClientTest, AnAbsurdSpecFailsWithItsFieldAndIsNotSent) {
  connected();
  SessionSpec spec = sample_spec();
  spec.streams.clear();
  std::optional<Result<SessionState>> opened;
  client_->open(spec, store(opened));
  EXPECT_EQ(calls_, 0);
  ASSERT_TRUE(until([&] { return opened.has_value(); }));
  EXPECT_EQ(opened->error().field, "streams");
  EXPECT_TRUE(dataplane_.asked.empty());
}

TEST_F(ClientTest, WithoutADataPlaneEveryCallFailsLaterAndOnce) {
  connect();
  std::optional<Result<DataplaneStatus>> status;
  client_->status(store(status));
  EXPECT_EQ(calls_, 0);
  ASSERT_TRUE(until([&] { return status.has_value(); }));
  EXPECT_EQ(status->error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(calls_, 1);
  serve(9);  // it comes up while the client keeps trying
  ASSERT_TRUE(until([&] { return client_->connected(); }));
  EXPECT_THAT(connections_, ElementsAre(9));
}

TEST_F(ClientTest, PendingRequestsEndWithTheConnectionAndANewIncarnationIsTold) {
  connected();
  std::optional<Result<DataplaneStatus>> first, second;
  client_->status(store(first));
  client_->status(store(second));
  server_.reset();
  ASSERT_TRUE(until([&] { return calls_ == 2; }));
  EXPECT_EQ(first->error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(second->error().kind, ErrorKind::kUnavailable);
  serve(2);
  ASSERT_TRUE(until([&] { return connections_.size() == 3; }));
  EXPECT_THAT(connections_, ElementsAre(1, -1, 2));
  EXPECT_EQ(calls_, 2) << "exactly once";
}

TEST_F(ClientTest, EventsArriveInOrder) {
  connected();
  const PuntEvent punt{SessionId{1}, 1, Side::kB, Component::kRtcp, v4(3, 4), {1, 2, 3}};
  server_->publish(punt);
  server_->publish(MediaStartedEvent{SessionId{1}, 0, Side::kA, v6(1, 2)});
  server_->publish(MediaTimedOutEvent{SessionId{1}, 0, Side::kA});
  server_->publish(SourceRefusedEvent{SessionId{1}, 0, Side::kA, v4(1, 2), 5});
  ASSERT_TRUE(until([&] { return events_.size() == 4; }));
  EXPECT_EQ(std::get<PuntEvent>(events_[0]).packet, punt.packet);
  EXPECT_EQ(std::get<MediaStartedEvent>(events_[1]).source, v6(1, 2));
  EXPECT_EQ(std::get<MediaTimedOutEvent>(events_[2]).session, SessionId{1});
  EXPECT_EQ(std::get<SourceRefusedEvent>(events_[3]).packets, 5U);
}

TEST_F(ClientTest, ListsPageThroughEverySession) {
  for (std::uint64_t id = 1; id <= kMaxPageSessions + 10; ++id) dataplane_.specs[id] = sample_spec(id);
  connected();
  std::vector<SessionId> seen;
  bool finished = false;
  std::function<void(std::optional<SessionId>)> ask = [&](std::optional<SessionId> from) {
    client_->list(from, [&](const Result<SessionPage>& page) {
      if (!page) return;
      for (const SessionSummary& session : page->sessions) seen.push_back(session.id);
      finished = !page->next;
      if (page->next) ask(page->next);
    });
  };
  ask({});
  ASSERT_TRUE(until([&] { return finished; }));
  EXPECT_EQ(seen.size(), kMaxPageSessions + 10);
}

TEST_F(ClientTest, PendingRequestsAreBounded) {
  connected();
  int refused = 0;
  int answered = 0;
  const auto count = [&](const Result<DataplaneStatus>& result) {
    ++answered;
    if (!result && result.error().kind == ErrorKind::kExhausted) ++refused;
  };
  for (std::size_t i = 0; i < Client::kMaxPendingRequests; ++i) client_->status(count);
  client_->status(count);
  ASSERT_TRUE(until([&] { return answered == static_cast<int>(Client::kMaxPendingRequests) + 1; }));
  EXPECT_EQ(refused, 1);
}

TEST_F(ClientTest, AnAnswerAboutAnotherSessionIsNotBelieved) {
  connected();
  dataplane_.wrong_id = true;
  std::optional<Result<SessionStats>> stats;
  client_->stats(SessionId{7}, store(stats));
  ASSERT_TRUE(until([&] { return stats.has_value(); }));
  EXPECT_EQ(stats->error().kind, ErrorKind::kProtocolViolation);
  EXPECT_EQ(client_->counters().bad_messages, 1U);
  ASSERT_TRUE(until([&] { return connections_.size() == 3; })) << "such a connection is made anew";
}

TEST_F(ClientTest, StagesAreReadAndSwitched) {
  connected();
  std::optional<Result<StageFigures>> read;
  std::optional<Result<StageFigures>> on;
  client_->stages({}, store(read));
  client_->stages(true, store(on));
  ASSERT_TRUE(until([&] { return on.has_value(); }));
  EXPECT_FALSE((*read)->measuring);
  EXPECT_TRUE((*on)->measuring);
  EXPECT_EQ((*on)->workers, sample_stages().workers);
  EXPECT_EQ(dataplane_.asked, (std::vector<std::string>{"stages", "stages on"}));
}

TEST_F(ClientTest, TracesAreStartedReadAndStopped) {
  connected();
  std::optional<Result<void>> started, stopped, second;
  std::optional<Result<TracePage>> page;
  const TraceSpec spec{{7}, 1, Side::kA, 10, 20};
  client_->start_trace(spec, store(started));
  client_->read_trace({7}, 4, store(page));
  client_->stop_trace({7}, store(stopped));
  ASSERT_TRUE(until([&] { return stopped.has_value(); }));
  EXPECT_TRUE(*started);
  EXPECT_EQ((*page)->first, 4U);
  EXPECT_EQ((*page)->records, sample_trace().records);
  EXPECT_EQ(dataplane_.asked, (std::vector<std::string>{"start_trace", "read_trace", "stop_trace"}));
  dataplane_.error = Error{ErrorKind::kExhausted, "another trace runs", "worker"};
  client_->start_trace(spec, store(second));
  ASSERT_TRUE(until([&] { return second.has_value(); }));
  EXPECT_EQ(second->error().field, "worker");
}

TEST_F(ClientTest, ATraceOfAnotherSessionIsNotBelieved) {
  connected();
  dataplane_.wrong_id = true;
  std::optional<Result<TracePage>> page;
  client_->read_trace({7}, 0, store(page));
  ASSERT_TRUE(until([&] { return page.has_value(); }));
  EXPECT_EQ(page->error().kind, ErrorKind::kProtocolViolation);
}

TEST_F(ClientTest, ASwitchThatDidNotSwitchIsNotBelieved) {
  connected();
  dataplane_.deaf = true;
  std::optional<Result<StageFigures>> on;
  client_->stages(true, store(on));
  ASSERT_TRUE(until([&] { return on.has_value(); }));
  EXPECT_EQ(on->error().kind, ErrorKind::kProtocolViolation);
  EXPECT_EQ(client_->counters().bad_messages, 1U);
}

TEST_F(ClientTest, AnOlderDataPlaneIsNotAskedForStages) {
  serve(1, 2);
  connect();
  ASSERT_TRUE(until([&] { return client_->connected(); }));
  std::optional<Result<StageFigures>> stages;
  client_->stages({}, store(stages));
  ASSERT_TRUE(until([&] { return stages.has_value(); }));
  EXPECT_EQ(stages->error().field, "version");
  EXPECT_TRUE(client_->connected());
  EXPECT_TRUE(dataplane_.asked.empty());
}

TEST_F(ClientTest, SilenceEndsTheConnection) {
  serve();
  ClientConfig config;
  config.answer_timeout = 1ms;
  connect(config);
  ASSERT_TRUE(until([&] { return client_->connected(); }));
  std::optional<Result<DataplaneStatus>> status;
  client_->status(store(status));
  std::unique_ptr<Server> silent = std::move(server_);
  ASSERT_TRUE(until([&] { return status.has_value(); }));
  EXPECT_EQ(status->error().kind, ErrorKind::kUnavailable);
}

TEST_F(ClientTest, CallbacksMayCallAndStopTheClient) {
  connected();
  std::optional<Result<DataplaneStatus>> second;
  client_->status([&](const Result<DataplaneStatus>&) {
    client_->status(store(second));
    client_->stop();
  });
  ASSERT_TRUE(until([&] { return second.has_value(); }));
  EXPECT_EQ(second->error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(client_->connected());
}

TEST_F(ClientTest, DestructionEndsWhatIsPending) {
  connected();
  std::optional<Result<DataplaneStatus>> status;
  client_->status(store(status));
  client_.reset();
  ASSERT_TRUE(until([&] { return status.has_value(); }));
  EXPECT_EQ(status->error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(calls_, 1);
}

/// A data plane taken over by an attacker: says any bytes it likes (threat model B6, T5).
class HostileTest : public ClientTest {
 protected:
  void SetUp() override {
    const Result<int> listening = make_listen_socket(folder_.socket());
    ASSERT_TRUE(listening);
    listen_ = *listening;
    connect();
    accept();
  }
  void TearDown() override {
    client_.reset();
    loop_.restart();
    loop_.poll();
    ::close(peer_);
    ::close(listen_);
  }
  void accept() {
    if (peer_ >= 0) ::close(peer_);
    ASSERT_TRUE(until([&] { return (peer_ = ::accept(listen_, nullptr, nullptr)) >= 0; }));
  }
  void say(std::uint64_t request_id, const Message& message) {
    const Result<SecretBytes> datagram = encode({kVersion, request_id, message});
    ASSERT_TRUE(datagram);
    ::send(peer_, datagram->view().data(), datagram->size(), MSG_NOSIGNAL);
  }
  void welcome() {
    say(1, Welcome{kVersion, 5});
    ASSERT_TRUE(until([&] { return client_->connected(); }));
  }
  ::testing::AssertionResult dropped() {
    return until([&] { return !client_->connected() && client_->counters().bad_messages > 0; });
  }

  int listen_ = -1;
  int peer_ = -1;
};

TEST_F(HostileTest, AWelcomeWithAVersionThatWasNotOfferedIsRefused) {
  say(1, Welcome{kVersion + 1, 5});
  ASSERT_TRUE(until([&] { return client_->counters().bad_messages == 1; }));
  EXPECT_FALSE(client_->connected());
}

TEST_F(HostileTest, ARefusedHelloIsTriedAgain) {
  say(1, Error{ErrorKind::kProtocolViolation, "this side speaks versions 7 to 8 of the contract", "version", {}});
  ASSERT_TRUE(until([&] { return client_->counters().bad_messages == 1; }));
  accept();
  welcome();
}

TEST_F(HostileTest, RubbishEndsTheConnection) {
  welcome();
  ::send(peer_, "rubbish", 7, MSG_NOSIGNAL);
  EXPECT_TRUE(dropped());
}

TEST_F(HostileTest, AnswersThatNobodyAskedForEndTheConnection) {
  welcome();
  say(77, Done{});
  EXPECT_TRUE(dropped());
}

TEST_F(HostileTest, RequestsAndAnswersWithoutARequestEndTheConnection) {
  welcome();
  say(0, StatusRequest{});
  EXPECT_TRUE(dropped());
}

TEST_F(HostileTest, TheWrongKindOfAnswerIsAViolation) {
  welcome();
  std::optional<Result<DataplaneStatus>> status;
  client_->status(store(status));
  say(2, Done{});
  ASSERT_TRUE(until([&] { return status.has_value(); }));
  EXPECT_EQ(status->error().kind, ErrorKind::kProtocolViolation);
  EXPECT_TRUE(dropped());
  EXPECT_EQ(calls_, 1);
}

TEST_F(HostileTest, APageFromBeforeTheAskedSessionIsNotBelieved) {
  welcome();
  std::optional<Result<SessionPage>> page;
  client_->list(SessionId{100}, store(page));
  say(2, SessionPage{{{SessionId{99}, 1}}, SessionId{150}});
  ASSERT_TRUE(until([&] { return page.has_value(); }));
  EXPECT_EQ(page->error().kind, ErrorKind::kProtocolViolation);
}

TEST_F(HostileTest, TheSameAnswerTwiceCallsBackOnce) {
  welcome();
  std::optional<Result<DataplaneStatus>> status;
  client_->status(store(status));
  say(2, sample_status());
  say(2, sample_status());
  EXPECT_TRUE(dropped());
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(*status);
}

}  // namespace
}  // namespace isthmus::contract
