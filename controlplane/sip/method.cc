#include "controlplane/sip/method.h"

#include <array>
#include <cstddef>
#include <cstdint>

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

// A message has some ten headers and each is looked up: by length and first letter, so that few names are compared.
constexpr std::uint8_t kNone = 0xFF;
constexpr std::size_t kPlaces = 256;
constexpr std::size_t place_of(std::string_view name) {
  return (name.size() * 32 + (static_cast<unsigned char>(name.front()) & 31U)) % kPlaces;  // no matter which case
}
/// The last header of each place.
constexpr std::array<std::uint8_t, kPlaces> kByPlace = [] {
  std::array<std::uint8_t, kPlaces> last{};
  last.fill(kNone);
  for (std::size_t i = 0; i < kHeaders.size(); ++i) last[place_of(kHeaders[i].name)] = static_cast<std::uint8_t>(i);
  return last;
}();
/// By header: the one before it in the same place.
constexpr std::array<std::uint8_t, kHeaders.size()> kNext = [] {
  std::array<std::uint8_t, kHeaders.size()> next{};
  next.fill(kNone);
  for (std::size_t i = 0; i < kHeaders.size(); ++i) {
    for (std::size_t before = 0; before < i; ++before) {
      if (place_of(kHeaders[before].name) == place_of(kHeaders[i].name)) next[i] = static_cast<std::uint8_t>(before);
    }
  }
  return next;
}();
constexpr std::array<HeaderId, 256> kByCompact = [] {
  std::array<HeaderId, 256> ids{};
  ids.fill(HeaderId::kOther);
  for (std::size_t i = 0; i < kHeaders.size(); ++i) {
    if (kHeaders[i].compact != 0) ids[static_cast<unsigned char>(kHeaders[i].compact)] = static_cast<HeaderId>(i);
  }
  return ids;
}();

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
  if (name.size() == 1) return kByCompact[static_cast<unsigned char>(text::lower(name.front()))];
  for (std::uint8_t at = kByPlace[place_of(name)]; at != kNone; at = kNext[at]) {
    if (text::same(kHeaders[at].name, name)) return static_cast<HeaderId>(at);
  }
  return HeaderId::kOther;
}

}  // namespace isthmus::sip
