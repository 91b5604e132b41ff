#include "controlplane/b2bua/screening.h"

#include <algorithm>

#include "controlplane/b2bua/message_reader.h"

namespace isthmus::b2bua {
namespace {

using sip::HeaderId;

constexpr std::uint32_t kDefaultMaxForwards = 70;  // RFC 3261 8.1.1.6

struct MethodRow {
  sip::Method method;
  std::uint16_t outside;
  std::uint16_t inside;
};
// 405: known and not served here (RFC 3261 8.2.1); 481: it needs a dialog, or a subscription (RFC 6665 4.1.3); 489: no
// event package is served (RFC 6665 7.3.2), and Microsoft clients wait for some final answer.
constexpr MethodRow kMethods[] = {
    {sip::Method::kInvite, 0, 0},        //
    {sip::Method::kOptions, 0, 0},       //
    {sip::Method::kAck, 481, 405},       // never asked: an ACK has no response
    {sip::Method::kBye, 481, 0},         //
    {sip::Method::kCancel, 481, 405},    // the transaction layer's
    {sip::Method::kPrack, 481, 0},       //
    {sip::Method::kUpdate, 481, 0},      //
    {sip::Method::kInfo, 481, 0},        //
    {sip::Method::kRegister, 405, 405},  //
    {sip::Method::kSubscribe, 489, 489}, {sip::Method::kNotify, 481, 481},
    {sip::Method::kRefer, 405, 403},     // transfer is not served yet; the call goes on
    {sip::Method::kMessage, 405, 405},   //
    {sip::Method::kPublish, 405, 405},   //
    {sip::Method::kService, 405, 405},   // client to its own server
    {sip::Method::kBenotify, 405, 405},  //
    {sip::Method::kOther, 501, 501},     // NEGOTIATE and whatever comes
};

Headers warning(std::string_view agent_host, std::string_view text) {
  std::string value = "399 ";
  value += agent_host;
  value += " \"";
  value += text;
  value += '"';
  return {{"Warning", std::move(value)}};
}

}  // namespace

std::uint16_t refusal_of(sip::Method method, Place place) {
  for (const MethodRow& row : kMethods) {
    if (row.method == method) return place == Place::kOutside ? row.outside : row.inside;
  }
  return 501;
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
