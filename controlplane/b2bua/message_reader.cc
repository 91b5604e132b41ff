#include "controlplane/b2bua/message_reader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "controlplane/b2bua/body_choice.h"
#include "controlplane/b2bua/diagnostics.h"
#include "controlplane/sdp/session_description.h"

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
    if (sip::is_of_one_leg(header.id)) continue;  // most are
    if (crossing.size() == kMaxCrossingHeaders) return;
    const std::string_view name = header.id == HeaderId::kOther ? header.name : sip::to_string(header.id);
    if (header.value.size() > kMaxCrossingBytes || !crosses(name, kind, from, to)) continue;
    crossing.push_back({std::string(name), header.value});
  }
}

/// At most `bytes` of it.
std::string bounded(std::optional<std::string_view> text, std::size_t bytes) {
  return std::string(text.value_or(std::string_view()).substr(0, bytes));
}

void read_body(const sip::Message& message, Signal& signal) {
  BodyChoice choice = choose_body(message);
  signal.body = std::move(choice.body);
  signal.body_refused = std::move(choice.refused);
}

/// What Microsoft peers alone say.
void read_microsoft(const sip::Message& message, Dialect to, Signal& signal) {
  signal.supports_ms_early_media = message.lists(HeaderId::kSupported, "ms-early-media");
  signal.diagnosis = read_diagnosis(message);
  if (to == Dialect::kMicrosoft) return;
  if (auto header = diagnosis_for_standards(message, signal.diagnosis)) signal.crossing.push_back(std::move(*header));
}

std::string read_epid(const sip::Message& message) {
  const std::string_view epid = message.to().parameter("epid").value_or(std::string_view());
  const bool good = epid.size() <= kMaxEpidBytes && std::all_of(epid.begin(), epid.end(), [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
                    });
  return good ? std::string(epid) : std::string();
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
  signal.product =
      bounded(message.header(message.is_request() ? HeaderId::kUserAgent : HeaderId::kServer), kMaxProductBytes);
  if (signal.product.empty()) signal.product = bounded(message.header(HeaderId::kUserAgent), kMaxProductBytes);
  read_body(message, signal);
  read_crossing(message, from, to, signal.crossing);
  if (from == Dialect::kMicrosoft) read_microsoft(message, to, signal);
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
  if (from == Dialect::kMicrosoft) response.to_epid = read_epid(message);
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
