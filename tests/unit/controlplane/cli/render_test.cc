#include "controlplane/cli/render.h"

#include <gtest/gtest.h>

#include "controlplane/cli/table.h"
#include "controlplane/rest/json.h"
#include "tests/unit/controlplane/rest/fake_source.h"

namespace isthmus::cli {
namespace {

TEST(Harmless, TerminalsObeyNothingThatAPeerWrote) {
  EXPECT_EQ(harmless("Alice"), "Alice");
  EXPECT_EQ(harmless("\x1b[2Jx\r\n\t\x7f"), "?[2Jx????");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m"),
            "?31m");                                  // C1 CSI
  EXPECT_EQ(harmless("J\xc3\xb6rg"), "J\xc3\xb6rg");  // UTF-8 stays
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"ID"}, {"COUNT", Table::Align::kRight}, {"NAME"}});
  table.add({"a", "5", "J\xc3\xb6rg"});
  table.add({"long id", "1000"});
  EXPECT_EQ(table.text(),
            "ID       COUNT  NAME\n"
            "a            5  J\xc3\xb6rg\n"
            "long id   1000\n");
}

TEST(ClockText, HoursOnlyWhereThereAreAny) {
  EXPECT_EQ(to_clock_text(0), "0:00");
  EXPECT_EQ(to_clock_text(59.9), "0:59");
  EXPECT_EQ(to_clock_text(3599), "59:59");
  EXPECT_EQ(to_clock_text(3723), "1:02:03");
  EXPECT_EQ(to_clock_text(-1), "0:00");
}

status::Call make_call() {
  status::Call call;
  call.id = "c1";
  call.state = "up";
  call.leg[0].zone = "office";
  call.leg[0].uri = "sip:a@example.com";
  call.leg[0].display_name = "\x1b[31mAlice";
  call.leg[1].zone = "rooms";
  call.leg[1].uri = "sip:3001@example.com";
  call.began = call.answered.emplace(status::WallTime(std::chrono::seconds(100)));
  status::CallStream audio;
  audio.active = true;
  audio.leg[0].codec = "PCMU/8000";
  call.streams = {audio};
  return call;
}

// Answers of the gateway itself, so that the two sides of the interface cannot drift apart unseen.

TEST(Render, CallsAreATable) {
  const std::string page = rest::to_json({make_call()}, "", status::WallTime(std::chrono::seconds(165)));
  EXPECT_EQ(*render_calls({page}),
            "ID  STATE  FROM               TO                    ZONES            TIME  MEDIA\n"
            "c1  up     sip:a@example.com  sip:3001@example.com  office -> rooms  1:05  audio PCMU/8000\n");
  EXPECT_EQ(*render_calls({rest::to_json(std::vector<status::Call>{}, "", {})}), "No calls.\n");
  EXPECT_EQ(*next_cursor_of(rest::to_json({make_call()}, "c1", {})), "c1");
  EXPECT_EQ(*next_cursor_of(page), "");
}

TEST(Render, CallHasItsStreamsAndFigures) {
  contract::StreamStats audio;
  audio.leg[0].packets_received = 500;
  audio.leg[0].jitter_ms = 1.25;
  const std::string text = *render_call(
      rest::to_json(make_call(), contract::SessionStats{{1}, 1, {audio}}, status::WallTime(std::chrono::seconds(165))));
  EXPECT_NE(text.find("?[31mAlice"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("audio   a     PCMU/8000"), std::string::npos) << text;
  EXPECT_NE(text.find(" 500 "), std::string::npos);
  EXPECT_NE(text.find(" 1.2 "), std::string::npos);
}

TEST(Render, MissingFiguresAreDashesWithTheirReason) {
  const Result<contract::SessionStats> none = fail(ErrorKind::kUnavailable, "no data plane is connected");
  const std::string text = *render_call(rest::to_json(make_call(), none, {}));
  EXPECT_NE(text.find("No figures: no data plane is connected"), std::string::npos);
}

TEST(Render, StatusShowsPoolsPeersAndAlarms) {
  status::Gateway gateway;
  gateway.version = "0.1.0";
  gateway.node = "gw";
  gateway.max_calls = 100;
  gateway.peers = {{"rooms", "10.2.0.2:5060", "udp", status::PeerState::kFailed, "no answer", {}}};
  contract::DataplaneStatus data_plane;
  data_plane.io_mode = "af_xdp";
  data_plane.pools = {{"rooms", IpAddress::v4(10, 2, 0, 1), 56000, 57000, 500, 0}};
  const std::string text = *render_status(
      rest::to_json(gateway, {{"peer-failed", "rooms", status::Severity::kWarning, "text", {}}}, data_plane, {}));
  for (const char* part : {"Isthmus 0.1.0 on gw", "0 of at most 100 calls", "af_xdp", "56000-57000", "50 %", "failed",
                           "no answer", "peer-failed"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const Result<contract::DataplaneStatus> away = fail(ErrorKind::kUnavailable, "x");
  EXPECT_NE(render_status(rest::to_json(gateway, {}, away, {}))->find("Data plane: away"), std::string::npos);
}

TEST(Render, StagesAreATableForEachWorkerThatDidSomething) {
  contract::StageFigures figures;
  figures.measuring = true;
  figures.cycles_per_second = 2'000'000'000;
  figures.workers = {
      {0, {{"classify", 1000, 20, 4}, {"unprotect", 5000, 10, 4}, {"adapt", 0, 0, 0}, {"tick", 900, 0, 9}}},
      {1, {{"classify", 0, 0, 0}}}};
  EXPECT_EQ(*render_stages(rest::to_json(figures)),
            "Stages are being measured (isthmus stages off ends it).\n"
            "\nWorker 0\n"
            "STAGE      PACKETS  A CALL  CYCLES A PACKET  NS A PACKET\n"
            "classify        20     5.0               50           25\n"
            "unprotect       10     2.5              500          250\n"
            "tick             0     0.0                -            -\n"
            "All but tick: 300.0 cycles a received packet\n"
            "\nWorker 1: nothing measured\n");
  figures.measuring = false;
  EXPECT_NE(render_stages(rest::to_json(figures))->find("isthmus stages on"), std::string::npos);
}

TEST(Render, ATraceIsALineAPacket) {
  TraceProgress progress;
  const std::string text = *render_trace(rest::to_json(rest::make_call("c1"), rest::make_trace()), progress);
  EXPECT_EQ(text,
            "16:02:03.456789 audio office->rooms rtp seq 4711->12 ssrc 7->8 pt 0->0 182 B from 10.1.0.2:4000 worker 3 "
            "port 0 queue 0 rule expected_source opened ok closed clear forwarded 172 B by port 0 after 1.5 us held "
            "1.5 us\n"
            "16:02:03.456789 audio rooms->office rtp seq 4711 ssrc 7 pt 0 182 B from 10.1.0.2:4000 worker 3 port 0 "
            "queue 0 rule expected_source opened failed dropped srtp_auth_failed in unprotect after 2.1 us\n"
            "2 record(s), ended by packets, 0 lost\n");
  EXPECT_TRUE(progress.ended);
  EXPECT_EQ(progress.next, 2U);
}

TEST(Render, AnswersThatAreNotWhatTheyShouldBeDoNotThrow) {
  for (const char* text : {"", "x", "[]", "null", "{}", "{\"items\":3}", "{\"items\":[1]}",
                           "{\"records\":[1,{\"rtp_in\":{}}],\"zones\":[3]}", "{\"legs\":{}}",
                           "{\"streams\":[{\"legs\":[1,2,3]}],\"legs\":[]}", "{\"data_plane\":{\"pools\":1}}",
                           "{\"workers\":[1,{\"stages\":[3,{\"calls\":\"x\"},{\"calls\":1,\"cycles\":[]}]}]}"}) {
    render_status(text);
    render_calls({text});
    render_ended_calls({text});
    render_call(text);
    render_route(text);
    render_stages(text);
    TraceProgress progress;
    render_trace(text, progress);
    next_cursor_of(text);
    EXPECT_FALSE(render_problem(500, text).empty()) << text;
  }
  EXPECT_FALSE(render_status("<html>"));
}

}  // namespace
}  // namespace isthmus::cli
