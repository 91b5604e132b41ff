// The routes that look into the data plane's packet path.

#include "controlplane/rest/answers.h"
#include "controlplane/rest/json.h"

namespace isthmus::rest {
namespace {

/// What the data plane says no with.
Response refused(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument: return problem(400, "bad-parameter", error.message);
    case ErrorKind::kUnavailable: return problem(503, "data-plane-away", error.message);
    case ErrorKind::kProtocolViolation: return problem(503, "data-plane-too-old", "the data plane does not know this");
    default: return problem(500, "data-plane-failed", error.message);
  }
}

}  // namespace

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
