// What one message of a call costs: read, written, and its session description read and written. The texts are those of
// bench/calls.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/session_description.h"
#include "controlplane/sdp/writer.h"
#include "controlplane/sip/message.h"
#include "controlplane/sip/parser.h"

namespace isthmus::bench {

namespace {

constexpr std::string_view kSdp =
    "v=0\r\no=bench 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n";

std::string invite() {
  return "INVITE sip:3001@192.0.2.1:5060 SIP/2.0\r\n"
         "Via: SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK-4711-1-0\r\n"
         "From: \"bench\" <sip:bench@192.0.2.2:5060>;tag=4711b1\r\n"
         "To: <sip:3001@192.0.2.1:5060>\r\n"
         "Call-ID: 1-4711@192.0.2.2\r\n"
         "CSeq: 1 INVITE\r\n"
         "Contact: <sip:bench@192.0.2.2:5060;transport=TCP>\r\n"
         "Max-Forwards: 70\r\n"
         "Content-Type: application/sdp\r\n"
         "Content-Length: " +
         std::to_string(kSdp.size()) + "\r\n\r\n" + std::string(kSdp);
}

void parse_sip(benchmark::State& state) {
  const std::string text = invite();
  for (auto _ : state) {
    const sip::ParseOutcome parsed = sip::parse_message(text);
    if (parsed.refusal) state.SkipWithError("the message is refused");
    benchmark::DoNotOptimize(parsed.message.headers().data());
  }
}

void build_sip(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    sip::Message message = sip::Message::request(sip::Method::kInvite, "sip:3001@192.0.2.1:5060");
    message.add(sip::HeaderId::kMaxForwards, "70");
    message.add(sip::HeaderId::kFrom, "\"bench\" <sip:bench@192.0.2.2:5060>;tag=4711b1");
    message.add(sip::HeaderId::kTo, "<sip:3001@192.0.2.1:5060>");
    message.add(sip::HeaderId::kCallId, "1-4711@192.0.2.2");
    message.add(sip::HeaderId::kCSeq, "1 INVITE");
    message.add(sip::HeaderId::kContact, "<sip:bench@192.0.2.2:5060;transport=TCP>");
    message.add_first(sip::HeaderId::kVia, "SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK-4711-1-0");
    message.set_body("application/sdp", kSdp);
    out.clear();
    message.append_to(out);
    benchmark::DoNotOptimize(out.data());
  }
}

void parse_sdp(benchmark::State& state) {
  for (auto _ : state) {
    const auto description = sdp::parse(kSdp);
    if (!description) state.SkipWithError("the description is refused");
    benchmark::DoNotOptimize(&*description);
  }
}

void write_sdp(benchmark::State& state) {
  const auto description = sdp::parse(kSdp);
  if (!description) return state.SkipWithError("the description is refused");
  for (auto _ : state) benchmark::DoNotOptimize(sdp::serialise(*description));
}

BENCHMARK(parse_sip)->Name("micro.sip.parse");
BENCHMARK(build_sip)->Name("micro.sip.build");
BENCHMARK(parse_sdp)->Name("micro.sdp.parse");
BENCHMARK(write_sdp)->Name("micro.sdp.write");

}  // namespace
}  // namespace isthmus::bench

BENCHMARK_MAIN();
