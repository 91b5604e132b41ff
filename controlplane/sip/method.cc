#include "controlplane/sip/method.h"

#include <array>
#include <cstddef>

#include "controlplane/sip/text.h"

namespace isthmus::sip {

namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 16> kMethods = {
    "INVITE", "ACK",       "BYE",    "CANCEL", "OPTIONS", "REGISTER", "PRACK",   "UPDATE",
    "INFO",   "SUBSCRIBE", "NOTIFY", "REFER",  "MESSAGE", "PUBLISH",  "SERVICE", "BENOTIFY"};
static_assert(kMethods.size() == static_cast<std::size_t>(Method::kOther));

struct HeaderName {
  std::string_view name;
  char compact;  // 0: none (RFC 3261 7.3.3, 20; RFC 3265, 4028)
};
constexpr std::array<HeaderName, 31> kHeaders = {{{"Via", 'v'},
                                                  {"From", 'f'},
                                                  {"To", 't'},
                                                  {"Call-ID", 'i'},
                                                  {"CSeq", 0},
                                                  {"Contact", 'm'},
                                                  {"Route", 0},
                                                  {"Record-Route", 0},
                                                  {"Max-Forwards", 0},
                                                  {"Require", 0},
                                                  {"Proxy-Require", 0},
                                                  {"Supported", 'k'},
                                                  {"Unsupported", 0},
                                                  {"Allow", 0},
                                                  {"Content-Type", 'c'},
                                                  {"Content-Length", 'l'},
                                                  {"Content-Encoding", 'e'},
                                                  {"Content-Disposition", 0},
                                                  {"Accept", 0},
                                                  {"Expires", 0},
                                                  {"Warning", 0},
                                                  {"Retry-After", 0},
                                                  {"User-Agent", 0},
                                                  {"Server", 0},
                                                  {"Reason", 0},
                                                  {"Session-Expires", 'x'},
                                                  {"Min-SE", 0},
                                                  {"RSeq", 0},
                                                  {"RAck", 0},
                                                  {"Event", 'o'},
                                                  {"Timestamp", 0}}};
static_assert(kHeaders.size() == static_cast<std::size_t>(HeaderId::kOther));

}  // namespace

std::string_view to_string(Method method) {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethods.size() ? kMethods[index] : std::string_view{};
}

Method method_of(std::string_view name) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == name) return static_cast<Method>(i);
  }
  return Method::kOther;
}

std::string_view to_string(HeaderId id) {
  const auto index = static_cast<std::size_t>(id);
  return index < kHeaders.size() ? kHeaders[index].name : std::string_view{};
}

HeaderId header_id_of(std::string_view name) {
  if (name.empty()) return HeaderId::kOther;
  for (std::size_t i = 0; i < kHeaders.size(); ++i) {
    const bool matches =
        name.size() == 1 ? text::lower(name.front()) == kHeaders[i].compact : text::same(kHeaders[i].name, name);
    if (matches) return static_cast<HeaderId>(i);
  }
  return HeaderId::kOther;
}

}  // namespace isthmus::sip
