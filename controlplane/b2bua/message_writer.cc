#include "controlplane/b2bua/message_writer.h"

#include "controlplane/b2bua/identity.h"
#include "controlplane/b2bua/message_reader.h"

namespace isthmus::b2bua {
namespace {

using sip::HeaderId;

std::string with_tag(const std::string& name, const std::string& tag) {
  return tag.empty() ? name : name + ";tag=" + tag;
}

/// Request URI and Route headers (RFC 3261 12.2.1.1), strict routers included.
sip::Message routed(const Dialog& dialog, sip::Method method) {
  if (dialog.route_set.empty()) return sip::Message::request(method, dialog.remote_target);
  const auto first = sip::NameAddr::parse(dialog.route_set.front());
  const bool loose = !first || first->uri.parameter("lr").has_value();
  sip::Message message = sip::Message::request(method, loose ? dialog.remote_target : first->uri.text);
  for (std::size_t i = loose ? 0 : 1; i < dialog.route_set.size(); ++i) {
    message.add(HeaderId::kRoute, dialog.route_set[i]);
  }
  if (!loose) message.add(HeaderId::kRoute, "<" + dialog.remote_target + ">");
  return message;
}

void add_dialog(const Writing& writing, const Dialog& dialog, Method method, std::uint32_t cseq,
                sip::Message& message) {
  message.add(HeaderId::kMaxForwards, std::to_string(writing.max_forwards));
  message.add(HeaderId::kFrom, with_tag(dialog.local_name, dialog.local_tag));
  message.add(HeaderId::kTo, with_tag(dialog.remote_name, dialog.remote_tag));
  message.add(HeaderId::kCallId, dialog.call_id);
  message.add(HeaderId::kCSeq, std::to_string(cseq) + " " + std::string(to_string(method)));
}

}  // namespace

sip::Message write_request(const Writing& writing, const Dialog& dialog, Method method, std::uint32_t cseq,
                           const Headers& headers, const std::optional<Body>& body, bool supports_100rel) {
  sip::Message message = routed(dialog, sip_method_of(method));
  add_dialog(writing, dialog, method, cseq, message);
  const bool refreshes_target = method == Method::kInvite || method == Method::kUpdate;
  if (refreshes_target) {
    message.add(HeaderId::kContact, writing.contact);
    message.add(HeaderId::kAllow, kAllow);
    message.add(HeaderId::kSupported, supports_100rel && method == Method::kInvite ? "timer, 100rel" : "timer");
  }
  for (const Header& header : headers) message.add(header.name, header.value);
  if (!writing.user_agent.empty()) message.add(HeaderId::kUserAgent, writing.user_agent);
  if (body) message.set_body(body->content_type, body->text);
  return message;
}

sip::Message write_ack(const Writing& writing, const Dialog& dialog, std::uint32_t cseq) {
  sip::Message message = routed(dialog, sip::Method::kAck);
  add_dialog(writing, dialog, Method::kAck, cseq, message);
  return message;
}

Dialog dialog_of_2xx(const sip::Message& response) {
  Dialog dialog;
  dialog.call_id = response.call_id();
  dialog.local_tag = response.from_tag();
  dialog.local_name = response.from().text_without_tag();
  dialog.remote_name = response.to().text_without_tag();
  dialog.local_cseq = response.cseq().number;
  dialog.initiated = true;
  dialog.remote_target = response.to().uri.text;
  dialog.establish_from(read_response(response, Dialect::kStandards, Dialect::kStandards));
  return dialog;
}

void complete_response(const Writing& writing, const SendResponse& action, sip::Message& response) {
  if (action.with_contact) {
    response.add(HeaderId::kContact, writing.contact);
    response.add(HeaderId::kAllow, kAllow);
    response.add(HeaderId::kSupported, "timer, 100rel");
  } else if (action.status == 405 || action.status == 501) {
    response.add(HeaderId::kAllow, kAllow);
  }
  for (const Header& header : action.headers) response.add(header.name, header.value);
  if (!writing.user_agent.empty()) response.add(HeaderId::kServer, writing.user_agent);
  if (action.body) response.set_body(action.body->content_type, action.body->text);
}

std::string next_hop_uri(const Dialog& dialog) {
  if (dialog.route_set.empty()) return dialog.remote_target;
  const NameAddress first = split_name_address(dialog.route_set.front());
  return std::string(first.uri);
}

}  // namespace isthmus::b2bua
