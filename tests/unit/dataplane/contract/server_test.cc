#include "dataplane/contract/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "fake_dataplane.h"

namespace isthmus::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Octets = std::vector<std::uint8_t>;

int connect_to(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

/// As the owner's epoll loop does it. A server that stays readable without anything to do would spin a core.
void settle(Server& server) {
  pollfd ready{server.poll_fd(), POLLIN, 0};
  int turns = 0;
  for (; ::poll(&ready, 1, 0) > 0 && turns < 1000; ++turns) server.handle_ready();
  EXPECT_LT(turns, 1000);
}

/// A control plane that says what it likes, byte by byte.
class Peer {
 public:
  Peer(Server& server, const std::string& path) : server_(server), fd_(connect_to(path)) {}
  ~Peer() { hang_up(); }
  void hang_up() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  void send_bytes(Bytes bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void send(std::uint64_t request_id, const Message& message, std::uint16_t version = kVersion) {
    const Result<SecretBytes> datagram = encode({version, request_id, message});
    ASSERT_TRUE(datagram);
    send_bytes(datagram->view());
  }
  /// The next datagram; none when the server has nothing to say.
  std::optional<Envelope> receive() {
    settle(server_);
    const ssize_t size = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    closed_ = size == 0;
    if (size <= 0) return std::nullopt;
    Result<Envelope> envelope = decode(std::span(buffer_).first(static_cast<std::size_t>(size)));
    EXPECT_TRUE(envelope);
    return *std::move(envelope);
  }
  Envelope ask(std::uint64_t request_id, const Message& message, std::uint16_t version = kVersion) {
    send(request_id, message, version);
    std::optional<Envelope> envelope = receive();
    EXPECT_TRUE(envelope);
    return envelope.value_or(Envelope{});
  }
  void greet() { EXPECT_TRUE(std::holds_alternative<Welcome>(ask(1, Hello{}).message)); }
  bool closed() {
    while (receive()) {
    }
    return closed_;
  }

 private:
  Server& server_;
  int fd_;
  bool closed_ = false;
  Octets buffer_ = Octets(kMaxMessageBytes + 1);
};

class ServerTest : public ::testing::Test {
 protected:
  void make(ServerConfig config = {}) {
    config.path = folder_.socket();
    config.incarnation = 0xfeed;
    Result<std::unique_ptr<Server>> made = Server::make(config, dataplane_);
    ASSERT_TRUE(made) << to_string(made.error());
    server_ = *std::move(made);
  }
  Peer peer() { return {*server_, folder_.socket()}; }

  SocketFolder folder_;
  FakeDataplane dataplane_;
  std::unique_ptr<Server> server_;
};

Error error_of(const Envelope& envelope) {
  const auto* error = std::get_if<Error>(&envelope.message);
  EXPECT_NE(error, nullptr);
  return error ? *error : Error{};
}

TEST_F(ServerTest, HelloIsAnsweredWithVersionAndIncarnation) {
  make();
  Peer control = peer();
  const Envelope answer = control.ask(5, Hello{kOldestVersion, kVersion + 3});
  EXPECT_EQ(answer.request_id, 5U);
  EXPECT_EQ(std::get<Welcome>(answer.message), (Welcome{kVersion, 0xfeed}));
  EXPECT_TRUE(server_->connected());
  EXPECT_THAT(dataplane_.changes, ElementsAre(true));
}

TEST_F(ServerTest, EachOperationReachesTheHandler) {
  make();
  Peer control = peer();
  control.greet();
  const SessionId id{7};
  EXPECT_EQ(std::get<SessionState>(control.ask(2, OpenRequest{sample_spec(7)}).message).id, id);
  EXPECT_EQ(dataplane_.specs.at(7), sample_spec(7));
  EXPECT_EQ(std::get<SessionState>(control.ask(3, UpdateRequest{sample_spec(7, 4)}).message).revision, 4U);
  EXPECT_EQ(std::get<SessionStats>(control.ask(4, StatsRequest{id}).message).id, id);
  EXPECT_EQ(std::get<SessionPage>(control.ask(5, ListRequest{}).message).sessions.size(), 1U);
  EXPECT_EQ(std::get<DataplaneStatus>(control.ask(6, StatusRequest{}).message).io_mode, "af_xdp");
  const SendPacketRequest packet{id, 0, Side::kA, Component::kRtp, v4(1, 1), {4, 5}};
  EXPECT_TRUE(std::holds_alternative<Done>(control.ask(7, packet).message));
  EXPECT_TRUE(std::holds_alternative<Done>(control.ask(8, PictureRequest{id, 0, Side::kA}).message));
  EXPECT_TRUE(std::get<SessionStats>(control.ask(9, CloseRequest{id}).message).streams.empty());
  EXPECT_THAT(dataplane_.asked,
              ElementsAre("open", "update", "stats", "list", "status", "send_packet", "request_picture", "close"));
  EXPECT_THAT(dataplane_.sent, ElementsAre(Octets{4, 5}));
  EXPECT_EQ(server_->counters().requests, 8U);
}

TEST_F(ServerTest, OpenAndUpdateAreConfirmedOnceTheyAreInForce) {
  make();
  Peer control = peer();
  control.greet();
  dataplane_.late = {7, 8};
  control.send(2, OpenRequest{sample_spec(7)});
  control.send(3, OpenRequest{sample_spec(8)});
  control.send(4, UpdateRequest{sample_spec(9)});
  EXPECT_EQ(control.receive().value_or(Envelope{}).request_id, 4U) << "others are not held up";
  EXPECT_FALSE(control.receive());
  EXPECT_TRUE(server_->holds_answers());
  server_->release_answers();
  EXPECT_FALSE(control.receive());
  dataplane_.late = {7};
  server_->release_answers();
  EXPECT_EQ(control.receive().value_or(Envelope{}).request_id, 3U);
  EXPECT_TRUE(server_->holds_answers());
  control.send(5, OpenRequest{sample_spec(7)});  // asked again: the same answer, as late
  EXPECT_FALSE(control.receive());
  dataplane_.late.clear();
  server_->release_answers();
  const Envelope first = control.receive().value_or(Envelope{});
  EXPECT_EQ(first.request_id, 2U);
  EXPECT_EQ(std::get<SessionState>(first.message).id, SessionId{7});
  EXPECT_EQ(control.receive().value_or(Envelope{}).request_id, 5U);
  EXPECT_FALSE(server_->holds_answers());
}

TEST_F(ServerTest, AnswersHeldForAControlPlaneThatWentGoWithIt) {
  make();
  Peer control = peer();
  control.greet();
  dataplane_.late = {7};
  control.send(2, OpenRequest{sample_spec(7)});
  EXPECT_FALSE(control.receive());
  Peer next = peer();
  settle(*server_);
  next.greet();
  EXPECT_FALSE(server_->holds_answers());
  dataplane_.late.clear();
  server_->release_answers();
  EXPECT_FALSE(next.receive());
}

TEST_F(ServerTest, HeldAnswersAreBounded) {
  make();
  Peer control = peer();
  control.greet();
  dataplane_.late = {7};
  for (std::uint64_t id = 2; id < 2 + 2 * Server::kMaxQueuedAnswers; ++id) {
    control.send(id, OpenRequest{sample_spec(7)});
    settle(*server_);
  }
  EXPECT_EQ(dataplane_.asked.size(), Server::kMaxQueuedAnswers);
  dataplane_.late.clear();
  server_->release_answers();
  std::size_t answers = 0;
  while (control.receive()) ++answers;
  EXPECT_EQ(answers, 2 * Server::kMaxQueuedAnswers);
}

TEST_F(ServerTest, TypedErrorsOfTheHandlerTravel) {
  make();
  Peer control = peer();
  control.greet();
  dataplane_.error = Error{ErrorKind::kExhausted, "no port left in the pool", "port"};
  EXPECT_EQ(error_of(control.ask(2, OpenRequest{sample_spec()})), *dataplane_.error);
}

TEST_F(ServerTest, AnAbsurdAnswerOfOurOwnBecomesAnError) {
  make();
  Peer control = peer();
  control.greet();
  dataplane_.absurd_status = true;
  EXPECT_EQ(error_of(control.ask(2, StatusRequest{})).field, "counters");
}

TEST_F(ServerTest, FirstMessageMustBeAHello) {
  make();
  Peer control = peer();
  EXPECT_EQ(error_of(control.ask(1, StatusRequest{})).kind, ErrorKind::kProtocolViolation);
  EXPECT_TRUE(control.closed());
  EXPECT_THAT(dataplane_.asked, IsEmpty());
}

TEST_F(ServerTest, RepeatedAndOldRequestIdsAreRefusedAndChangeNothing) {
  make();
  Peer control = peer();
  control.greet();
  control.ask(10, OpenRequest{sample_spec()});
  for (const std::uint64_t id : {std::uint64_t{10}, std::uint64_t{9}, std::uint64_t{1}, std::uint64_t{0}}) {
    const Envelope answer = control.ask(id, CloseRequest{sample_spec().id});
    EXPECT_EQ(error_of(answer).field, "request_id");
    EXPECT_EQ(answer.request_id, id);
  }
  EXPECT_THAT(dataplane_.asked, ElementsAre("open"));
  EXPECT_EQ(server_->counters().bad_messages, 4U);
  EXPECT_TRUE(std::holds_alternative<DataplaneStatus>(control.ask(11, StatusRequest{}).message));
}

TEST_F(ServerTest, WhatIsNoRequestIsRefused) {
  make();
  Peer control = peer();
  control.greet();
  std::uint64_t id = 2;
  for (const Message& message : samples()) {
    if (message.index() > 0 && message.index() < Message(Welcome{}).index()) continue;
    EXPECT_EQ(error_of(control.ask(id++, message)).kind, ErrorKind::kProtocolViolation) << message.index();
  }
  EXPECT_THAT(dataplane_.asked, IsEmpty());
}

TEST_F(ServerTest, DamagedDatagramsGetAnErrorAndTheConnectionGoesOn) {
  make();
  Peer control = peer();
  control.greet();
  control.send_bytes(Octets{1, 2, 3});
  EXPECT_EQ(error_of(control.receive().value_or(Envelope{})).kind, ErrorKind::kMalformedInput);
  control.send_bytes(Octets(kMaxMessageBytes + 1, 0x55));
  EXPECT_EQ(error_of(control.receive().value_or(Envelope{})).kind, ErrorKind::kMalformedInput);
  EXPECT_TRUE(std::holds_alternative<DataplaneStatus>(control.ask(2, StatusRequest{}).message));
}

TEST_F(ServerTest, ANewControlPlaneReplacesTheOldOne) {
  make();
  Peer old = peer();
  old.greet();
  Peer stranger = peer();
  settle(*server_);
  EXPECT_FALSE(old.closed()) << "a connection without a Hello takes nothing away";
  Peer next = peer();
  settle(*server_);
  next.greet();
  EXPECT_TRUE(old.closed());
  EXPECT_TRUE(std::holds_alternative<DataplaneStatus>(next.ask(2, StatusRequest{}).message));
  EXPECT_THAT(dataplane_.changes, ElementsAre(true));
  next.hang_up();
  settle(*server_);
  EXPECT_FALSE(server_->connected());
  EXPECT_THAT(dataplane_.changes, ElementsAre(true, false));
}

TEST_F(ServerTest, WaitingConnectionsAreBounded) {
  make();
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i <= Server::kMaxWaitingConnections; ++i) {
    peers.push_back(std::make_unique<Peer>(*server_, folder_.socket()));
    settle(*server_);
  }
  EXPECT_TRUE(peers.front()->closed());
  EXPECT_FALSE(peers.at(1)->closed());
  peers.back()->greet();
}

TEST_F(ServerTest, AnotherUserIsRefused) {
  ServerConfig config;
  config.allowed_uid = ::geteuid() + 1;
  make(config);
  Peer control = peer();
  settle(*server_);
  EXPECT_TRUE(control.closed());
  EXPECT_EQ(server_->counters().refused_peers, 1U);
}

TEST_F(ServerTest, TheUserComesFromTheSupervisor) {
  ::setenv(kPeerUidVariable, "4242", 1);
  make();
  ::setenv(kPeerUidVariable, "42x", 1);
  EXPECT_EQ(Server::make({.path = folder_.socket() + "2"}, dataplane_).error().field, kPeerUidVariable);
  ::unsetenv(kPeerUidVariable);
  Peer control = peer();
  settle(*server_);
  EXPECT_TRUE(control.closed());
}

TEST_F(ServerTest, EventsBeyondTheBoundAreDroppedAndCountedAndAnswersStillFit) {
  ServerConfig config;
  config.max_queued_events = 10;
  make(config);
  const MediaStartedEvent event{SessionId{1}, 0, Side::kA, v4(1, 1)};
  server_->publish(event);
  EXPECT_EQ(server_->counters().events_dropped, 1U) << "nobody is connected";
  Peer control = peer();
  control.greet();
  const std::uint64_t sent = 20'000;  // more than any socket buffer takes of unread messages
  for (std::uint64_t i = 0; i < sent; ++i) server_->publish(event);
  EXPECT_GT(server_->counters().events_dropped, 1U);
  EXPECT_EQ(server_->counters().events_dropped + server_->counters().events_sent, sent + 1);
  control.send(2, StatusRequest{});
  std::uint64_t seen = 0;
  bool answered = false;
  for (std::optional<Envelope> got = control.receive(); got; got = control.receive()) {
    if (std::holds_alternative<MediaStartedEvent>(got->message)) {
      EXPECT_FALSE(answered) << "order is kept";
      ++seen;
    }
    if (std::holds_alternative<DataplaneStatus>(got->message)) answered = true;
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(seen, server_->counters().events_sent);
}

TEST_F(ServerTest, APeerThatDoesNotReadStopsBeingServedInsteadOfFillingMemory) {
  make();
  Peer control = peer();
  control.greet();
  std::uint64_t id = 2;
  bool full = false;
  const Result<SecretBytes> probe = encode({kVersion, 1, StatusRequest{}});
  for (int i = 0; i < 100'000 && !full; ++i) {
    const std::size_t before = dataplane_.asked.size();
    control.send(id++, StatusRequest{});
    settle(*server_);
    full = dataplane_.asked.size() == before;
  }
  ASSERT_TRUE(full);
  const std::size_t asked = dataplane_.asked.size();
  settle(*server_);
  EXPECT_EQ(dataplane_.asked.size(), asked);
  std::size_t answers = 0;
  while (control.receive()) ++answers;
  EXPECT_EQ(answers, id - 2) << "all are answered once the peer reads again";
}

TEST_F(ServerTest, SocketFileIsPrivateAndStaleOnesAreReplaced) {
  make();
  struct stat found{};
  ASSERT_EQ(::stat(folder_.socket().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(Server::make({.path = folder_.socket()}, dataplane_).error().kind, ErrorKind::kUnavailable);

  const std::string stale = folder_.socket() + ".stale";
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, stale.data(), stale.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  EXPECT_TRUE(Server::make({.path = stale}, dataplane_));
  EXPECT_EQ(Server::make({.path = "/dev/null"}, dataplane_).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(Server::make({.path = std::string(200, 'x')}, dataplane_).error().field, "path");
}

TEST_F(ServerTest, AnInheritedSocketOutlivesTheServer) {
  make();
  const int listen = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const std::string path = folder_.socket() + ".inherited";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(listen, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listen, 8), 0);
  for (int restart = 0; restart < 2; ++restart) {
    const int waiting = connect_to(path);  // before the data plane is there
    Result<std::unique_ptr<Server>> server = Server::make({.listen_fd = ::dup(listen), .path = {}}, dataplane_);
    ASSERT_TRUE(server);
    const Result<SecretBytes> hello = encode({kVersion, 1, Hello{}});
    ASSERT_GT(::send(waiting, hello->view().data(), hello->size(), 0), 0);
    settle(**server);
    EXPECT_TRUE((*server)->connected());
    ::close(waiting);
  }
  ::close(listen);
  EXPECT_EQ(Server::make({.listen_fd = ::open("/dev/null", O_RDONLY), .path = {}}, dataplane_).error().kind,
            ErrorKind::kUnavailable);
}

// Skew of versions: those with a common one use the newest of them, others say so and part.
struct Skew {
  Hello hello;
  std::uint16_t oldest, newest, agreed;  // agreed 0: none
};

class VersionSkew : public ServerTest, public ::testing::WithParamInterface<Skew> {};

TEST_P(VersionSkew, AgreesOnTheNewestThatBothSpeak) {
  const Skew& skew = GetParam();
  ServerConfig config;
  config.oldest_version = skew.oldest;
  config.newest_version = skew.newest;
  make(config);
  Peer control = peer();
  const Envelope answer = control.ask(1, skew.hello, skew.hello.oldest_version);
  if (skew.agreed == 0) {
    EXPECT_EQ(error_of(answer).field, "version");
    EXPECT_TRUE(control.closed());
    return;
  }
  EXPECT_EQ(std::get<Welcome>(answer.message).version, skew.agreed);
  EXPECT_FALSE(control.closed());
}

INSTANTIATE_TEST_SUITE_P(Table, VersionSkew,
                         ::testing::Values(Skew{{1, 1}, 1, 1, 1}, Skew{{1, 1}, 1, 2, 1}, Skew{{1, 2}, 1, 1, 1},
                                           Skew{{1, 2}, 2, 3, 2}, Skew{{2, 3}, 1, 2, 2}, Skew{{3, 4}, 1, 2, 0},
                                           Skew{{1, 1}, 2, 3, 0}, Skew{{1, 2}, 1, 3, 2}, Skew{{1, 3}, 1, 2, 2},
                                           Skew{{1, 3}, 1, 3, 3}, Skew{{3, 3}, 1, 3, 3}));

TEST_F(ServerTest, AVersionThatWasNotAgreedOnIsRefused) {
  ServerConfig config;
  config.oldest_version = 2;
  config.newest_version = 2;
  make(config);
  Peer control = peer();
  EXPECT_EQ(std::get<Welcome>(control.ask(1, Hello{1, 2}).message).version, 2);
  EXPECT_EQ(server_->connected(), true);
  control.send(2, StatusRequest{}, 1);
  settle(*server_);
  EXPECT_THAT(dataplane_.asked, IsEmpty());
}

}  // namespace
}  // namespace isthmus::contract
