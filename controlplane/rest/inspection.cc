// The routes that look into the data plane's packet path.

#include <charconv>

#include "controlplane/rest/answers.h"
#include "controlplane/rest/json.h"
#include "dataplane/base/log.h"

namespace isthmus::rest {
namespace {

/// What the data plane says no with.
Response refused(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
      if (error.field == "trace") return problem(404, "no-trace", "no trace of this call is there");
      return problem(400, "bad-parameter", error.message);
    case ErrorKind::kUnavailable: return problem(503, "data-plane-away", error.message);
    case ErrorKind::kProtocolViolation: return problem(503, "data-plane-too-old", "the data plane does not know this");
    case ErrorKind::kExhausted:
      if (error.field == "worker") {
        return problem(409, "trace-runs", "another trace runs on the packet worker of this call; wait or stop it");
      }
      return problem(503, "data-plane-busy", error.message);
    default: return problem(500, "data-plane-failed", error.message);
  }
}

/// A whole number within bounds; false: it is there and is none.
bool read_number(const Target& target, std::string_view name, std::uint64_t highest, std::uint64_t& to) {
  const std::string* text = find_parameter(target, name);
  if (text == nullptr) return true;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), to);
  return error == std::errc{} && end == text->data() + text->size() && to <= highest;
}

/// "audio" and "video" are the first active stream of that kind, a number is its place.
std::optional<std::uint16_t> find_stream(const status::Call& call, const std::string& wanted) {
  if (wanted == "audio" || wanted == "video") {
    const auto kind = wanted == "audio" ? contract::MediaKind::kAudio : contract::MediaKind::kVideo;
    const auto found = std::ranges::find_if(
        call.streams, [kind](const status::CallStream& stream) { return stream.active && stream.kind == kind; });
    if (found == call.streams.end()) return std::nullopt;
    return static_cast<std::uint16_t>(found - call.streams.begin());
  }
  std::uint16_t place = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), place);
  if (error != std::errc{} || end != wanted.data() + wanted.size() || place >= call.streams.size()) return std::nullopt;
  return place;
}

/// What is wanted of a trace, or why not.
std::optional<Response> read_spec(const Target& target, const status::Call& call, contract::TraceSpec& spec) {
  const std::string* stream = find_parameter(target, "stream");
  const auto place = find_stream(call, stream != nullptr ? *stream : "audio");
  if (!place) return problem(400, "bad-parameter", "stream must be audio, video or the place of one of the call");
  if (const std::string* side = find_parameter(target, "side")) {
    if (*side != "a" && *side != "b") return problem(400, "bad-parameter", "side must be a or b");
    spec.side = *side == "a" ? contract::Side::kA : contract::Side::kB;
  }
  std::uint64_t packets = spec.max_packets;
  if (!read_number(target, "packets", contract::kMaxTracePackets, packets) || packets == 0) {
    return problem(400, "bad-parameter", "packets must be in 1..10000");
  }
  std::uint64_t seconds = spec.max_ms / 1000;
  if (!read_number(target, "seconds", contract::kMaxTraceMs / 1000, seconds) || seconds == 0) {
    return problem(400, "bad-parameter", "seconds must be in 1..600");
  }
  spec.session = call.session;
  spec.stream = *place;
  spec.max_packets = static_cast<std::uint32_t>(packets);
  spec.max_ms = static_cast<std::uint32_t>(seconds * 1000);
  return std::nullopt;
}

std::optional<status::Call> find_call(const status::Source& source, const Target& target) {
  const std::string& id = target.segments[target.segments.size() - 2];
  return is_call_id(id) ? source.call(id) : std::nullopt;
}

Response no_media() { return problem(409, "no-media", "the call has no media now"); }

}  // namespace

void Api::start_trace(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {"stream", "side", "packets", "seconds"})) {
    return respond(std::move(*refusal));
  }
  const auto call = find_call(source_, target);
  if (!call) return respond(no_such_call());
  if (call->session.value == 0 || call->ended) return respond(no_media());
  contract::TraceSpec spec;
  if (auto refusal = read_spec(target, *call, spec)) return respond(std::move(*refusal));
  source_.start_trace(spec, [respond, id = call->id](const Result<void>& started) {
    if (!started) return respond(refused(started.error()));
    log::info("rest.trace", {{"call", id}});
    Response response = ok(state_to_json("tracing"));
    response.status = 201;
    respond(std::move(response));
  });
}

void Api::read_trace(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {"from"})) return respond(std::move(*refusal));
  const auto call = find_call(source_, target);
  if (!call) return respond(no_such_call());
  if (call->session.value == 0) return respond(no_media());
  std::uint64_t from = 0;
  if (!read_number(target, "from", contract::kMaxTracePackets, from)) {
    return respond(problem(400, "bad-parameter", "from must be the next of the page before"));
  }
  source_.read_trace(call->session, from, [respond, call = *call](const Result<contract::TracePage>& page) {
    respond(page ? ok(to_json(call, *page)) : refused(page.error()));
  });
}

void Api::stop_trace(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  const auto call = find_call(source_, target);
  if (!call) return respond(no_such_call());
  if (call->session.value == 0) return respond(no_media());
  source_.stop_trace(call->session, [respond](const Result<void>& stopped) {
    respond(stopped ? ok(state_to_json("stopped")) : refused(stopped.error()));
  });
}

void Api::get_stages(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {})) return respond(std::move(*refusal));
  source_.stages({}, [respond](const Result<contract::StageFigures>& figures) {
    respond(figures ? ok(to_json(*figures)) : refused(figures.error()));
  });
}

void Api::switch_stages(const Target& target, const Respond& respond) {
  if (auto refusal = refuse_unknown(target, {"measure"})) return respond(std::move(*refusal));
  const std::string* measure = find_parameter(target, "measure");
  if (measure == nullptr || (*measure != "true" && *measure != "false")) {
    return respond(problem(400, "bad-parameter", "measure must be true or false"));
  }
  source_.stages(*measure == "true", [respond](const Result<contract::StageFigures>& figures) {
    respond(figures ? ok(to_json(*figures)) : refused(figures.error()));
  });
}

}  // namespace isthmus::rest
