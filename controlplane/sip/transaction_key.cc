#include "controlplane/sip/transaction_key.h"

#include "controlplane/sip/text.h"

namespace isthmus::sip {

namespace {

/// The parts cannot hold a line feed, so no two lists of parts give the same key.
template <typename... Parts>
std::string join(const Parts&... parts) {
  std::string key;
  key.reserve((std::string_view(parts).size() + ... + sizeof...(parts)));
  (key.append(parts).append("\n"), ...);
  return key;
}

std::string_view invite_for_ack(const Message& request) {
  return request.method() == Method::kAck ? to_string(Method::kInvite) : std::string_view(request.method_name());
}

std::string sent_by(const Via& via) {
  std::string text;
  text.reserve(via.host.size() + 6);
  for (const char c : via.host) text.push_back(text::lower(c));
  return text.append(":").append(std::to_string(via.port));
}

}  // namespace

std::string server_key(const Message& request, std::string_view method) {
  const Via& via = request.vias().front();
  if (via.has_rfc3261_branch()) return join(via.branch(), sent_by(via), method);
  return join(request.call_id(), request.from_tag(), std::to_string(request.cseq().number), sent_by(via), via.branch(),
              request.request_uri().text, method);
}

std::string server_key(const Message& request) { return server_key(request, invite_for_ack(request)); }

std::string merge_key(const Message& request) {
  if (!request.to_tag().empty() || request.from_tag().empty()) return {};
  return join(request.call_id(), request.from_tag(), std::to_string(request.cseq().number), request.method_name());
}

std::string client_key(std::string_view branch, std::string_view method) { return join(branch, method); }

}  // namespace isthmus::sip
