#include "controlplane/b2bua/dialog.h"

#include <algorithm>
#include <cctype>

namespace isthmus::b2bua {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kInvite: return "INVITE";
    case Method::kAck: return "ACK";
    case Method::kBye: return "BYE";
    case Method::kCancel: return "CANCEL";
    case Method::kUpdate: return "UPDATE";
    case Method::kPrack: return "PRACK";
    case Method::kInfo: return "INFO";
    case Method::kOptions: return "OPTIONS";
  }
  return "";
}

bool has_type(const Body& body, std::string_view type) {
  std::string_view given(body.content_type);
  given = given.substr(0, given.find(';'));
  while (!given.empty() && (given.back() == ' ' || given.back() == '\t')) given.remove_suffix(1);
  return std::equal(given.begin(), given.end(), type.begin(), type.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

namespace {
constexpr std::string_view kEpid = ">;epid=";
}

void Dialog::establish_from(const Response& response) {
  remote_tag = response.to_tag;
  // A device of the peer answered: requests to it say which ([MS-SIPRE] 3.1.4). Another fork's is not it.
  const std::size_t old = remote_name.find(kEpid);
  if (old != std::string::npos) remote_name.resize(old + 1);
  if (!response.to_epid.empty() && remote_name.ends_with('>')) {
    remote_name.append(kEpid.substr(1)).append(response.to_epid);
  }
  route_set.assign(response.record_route.rbegin(), response.record_route.rend());
  refresh_target(response);
}

void Dialog::establish_from(const Request& request) {
  remote_cseq = request.cseq;
  route_set = request.record_route;
  refresh_target(request);
}

void Dialog::refresh_target(const Signal& signal) {
  if (!signal.contact.empty()) remote_target = signal.contact;
}

}  // namespace isthmus::b2bua
