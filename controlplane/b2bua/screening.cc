#include "controlplane/b2bua/screening.h"

#include <algorithm>

#include "controlplane/b2bua/message_reader.h"

namespace isthmus::b2bua {
namespace {

using sip::HeaderId;

constexpr std::uint32_t kDefaultMaxForwards = 70;  // RFC 3261 8.1.1.6

Headers warning(std::string_view agent_host, std::string_view text) {
  std::string value = "399 ";
  value += agent_host;
  value += " \"";
  value += text;
  value += '"';
  return {{"Warning", std::move(value)}};
}

}  // namespace

Door door_for(sip::Method method) {
  switch (method) {
    case sip::Method::kInvite: return Door::kCall;
    case sip::Method::kOptions: return Door::kOptions;
    case sip::Method::kAck:
    case sip::Method::kBye:
    case sip::Method::kCancel:
    case sip::Method::kPrack:
    case sip::Method::kUpdate:
    case sip::Method::kInfo: return Door::kNoDialog;
    case sip::Method::kRegister:
    case sip::Method::kSubscribe:
    case sip::Method::kNotify:
    case sip::Method::kRefer:
    case sip::Method::kMessage:
    case sip::Method::kPublish: return Door::kNotAllowed;
    case sip::Method::kService:
    case sip::Method::kBenotify:
    case sip::Method::kOther: return Door::kNotImplemented;
  }
  return Door::kNotImplemented;
}

std::optional<Refused> screen_extensions(const sip::Message& request) {
  if (std::string unknown = unknown_required(request); !unknown.empty()) {
    return Refused{420, "extension", {{"Unsupported", std::move(unknown)}}};
  }
  const auto coding = request.header(HeaderId::kContentEncoding);
  if (coding && !request.body().empty() && *coding != "identity") {
    return Refused{415, "content-encoding", {{"Accept-Encoding", "identity"}}};
  }
  return std::nullopt;
}

std::optional<Refused> screen_invite(const sip::Message& invite, std::string_view agent_host) {
  const auto dialled = routing::parse_dialled_uri(invite.request_uri().text);
  if (!dialled) {
    const bool scheme = dialled.error().field == "scheme";
    return Refused{static_cast<std::uint16_t>(scheme ? 416 : 400), scheme ? "scheme" : "request-uri",
                   warning(agent_host, dialled.error().message)};
  }
  if (dialled->scheme == routing::Scheme::kSips) {
    // Every hop would have to be TLS (RFC 5630 3.1.1); refused until a zone can promise it.
    return Refused{416, "scheme", warning(agent_host, "sips is not served, only sip and tel")};
  }
  if (invite.max_forwards() == 0U) return Refused{483, "hop-limit"};
  if (invite.contacts().empty() || invite.contacts().front().is_star) {
    return Refused{400, "contact", warning(agent_host, "an INVITE needs a Contact")};
  }
  if (invite.record_routes().size() > kMaxRouteSet) {
    return Refused{400, "route-set", warning(agent_host, "too many Record-Route entries")};
  }
  return screen_extensions(invite);
}

std::uint8_t next_max_forwards(const sip::Message& invite) {
  const std::uint32_t received = std::min(invite.max_forwards().value_or(kDefaultMaxForwards + 1), 255U);
  return static_cast<std::uint8_t>(received == 0 ? 0 : received - 1);
}

}  // namespace isthmus::b2bua
