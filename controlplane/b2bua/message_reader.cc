#include "controlplane/b2bua/message_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controlplane/sdp/session_description.h"
#include "controlplane/sip/multipart.h"

namespace isthmus::b2bua {
namespace {

using sdp::equal_ignoring_case;
using sip::HeaderId;

constexpr std::array<std::string_view, 2> kOptionTags{"timer", "100rel"};

struct MethodPair {
  Method ours;
  sip::Method theirs;
};
constexpr MethodPair kMethods[] = {
    {Method::kInvite, sip::Method::kInvite}, {Method::kAck, sip::Method::kAck},
    {Method::kBye, sip::Method::kBye},       {Method::kCancel, sip::Method::kCancel},
    {Method::kUpdate, sip::Method::kUpdate}, {Method::kPrack, sip::Method::kPrack},
    {Method::kInfo, sip::Method::kInfo},     {Method::kOptions, sip::Method::kOptions},
};

std::optional<std::uint32_t> number(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

SessionTimerWords read_session(const sip::Message& message) {
  SessionTimerWords words;
  if (const auto value = message.header(HeaderId::kSessionExpires)) {
    words.expires_s = number(*value);
    const std::size_t semicolon = value->find(';');
    if (semicolon != std::string_view::npos) {
      const auto refresher = sip::find_parameter(value->substr(semicolon + 1), "refresher");
      if (refresher && equal_ignoring_case(*refresher, "uac")) words.refresher = Refresher::kUac;
      if (refresher && equal_ignoring_case(*refresher, "uas")) words.refresher = Refresher::kUas;
    }
  }
  if (const auto value = message.header(HeaderId::kMinSe)) words.min_se_s = number(*value);
  return words;
}

void read_crossing(const sip::Message& message, Dialect from, Dialect to, Headers& crossing) {
  const MessageKind kind = message.is_request() ? MessageKind::kRequest : MessageKind::kResponse;
  for (const sip::Header& header : message.headers()) {
    if (crossing.size() == kMaxCrossingHeaders) return;
    const std::string_view name = header.id == HeaderId::kOther ? header.name : sip::to_string(header.id);
    if (header.value.size() > kMaxCrossingBytes || !crosses(name, kind, from, to)) continue;
    crossing.push_back({std::string(name), header.value});
  }
}

/// Of a body in several parts the session description. Where there is none, or another part must be understood, the
/// body stays what it is, and the call refuses its type (415).
std::optional<Body> read_body(const sip::Message& message) {
  if (message.body().empty()) return std::nullopt;
  if (sip::is_multipart(message.content_type())) {
    const auto parts = sip::split_multipart(message.content_type(), message.body());
    const auto found = parts ? sip::find_description(*parts, kSdpType) : Result<const sip::Part*>(nullptr);
    if (found && *found != nullptr) return Body{std::string(kSdpType), std::string((*found)->content)};
  }
  return Body{std::string(message.content_type()), message.body()};
}

void read_shared(const sip::Message& message, Dialect from, Dialect to, Signal& signal) {
  signal.cseq = message.cseq().number;
  if (!message.contacts().empty()) signal.contact = message.contacts().front().uri.text;
  for (const sip::NameAddr& route : message.record_routes()) {
    if (signal.record_route.size() == kMaxRouteSet) break;
    signal.record_route.push_back(route.text);
  }
  signal.supports_100rel = message.lists(HeaderId::kSupported, "100rel");
  signal.requires_100rel = message.lists(HeaderId::kRequire, "100rel");
  signal.supports_timer = message.lists(HeaderId::kSupported, "timer") || message.lists(HeaderId::kRequire, "timer");
  if (message.has(HeaderId::kAllow)) {
    MethodSet set;
    for (const std::string_view name : message.list(HeaderId::kAllow)) {
      if (const auto method = method_of(sip::method_of(name))) set.add(*method);
    }
    signal.allow = set;
  }
  signal.session = read_session(message);
  signal.body = read_body(message);
  read_crossing(message, from, to, signal.crossing);
}

}  // namespace

std::optional<Method> method_of(sip::Method method) {
  for (const MethodPair& pair : kMethods) {
    if (pair.theirs == method) return pair.ours;
  }
  return std::nullopt;
}

sip::Method sip_method_of(Method method) {
  for (const MethodPair& pair : kMethods) {
    if (pair.ours == method) return pair.theirs;
  }
  return sip::Method::kOther;
}

Request read_request(const sip::Message& message, Dialect from, Dialect to) {
  Request request;
  request.method = method_of(message.method()).value_or(Method::kOptions);
  read_shared(message, from, to, request);
  if (const auto rack = message.header(HeaderId::kRack)) {
    // "RAck: 776656 1 INVITE" (RFC 3262 7.2)
    const std::size_t space = rack->find(' ');
    const auto rseq = number(*rack);
    const auto cseq = space == std::string_view::npos ? std::nullopt : number(rack->substr(space + 1));
    if (rseq && cseq) request.rack = Request::Rack{*rseq, *cseq};
  }
  return request;
}

Response read_response(const sip::Message& message, Dialect from, Dialect to) {
  Response response;
  response.status = message.status();
  response.reason = message.reason();
  response.to_tag = message.to_tag();
  read_shared(message, from, to, response);
  if (const auto rseq = message.header(HeaderId::kRseq)) response.rseq = number(*rseq);
  if (const auto retry = message.header(HeaderId::kRetryAfter)) response.retry_after_s = number(*retry);
  return response;
}

std::string unknown_required(const sip::Message& message) {
  std::string unknown;
  for (const std::string_view tag : message.list(HeaderId::kRequire)) {
    const bool known = std::any_of(kOptionTags.begin(), kOptionTags.end(),
                                   [tag](std::string_view ours) { return equal_ignoring_case(tag, ours); });
    if (known) continue;
    if (!unknown.empty()) unknown += ", ";
    unknown += tag;
  }
  return unknown;
}

}  // namespace isthmus::b2bua
