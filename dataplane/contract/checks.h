#pragma once

// What the checks of all kinds of message share. Private to this folder.

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/base/result.h"
#include "dataplane/contract/inspection.h"

namespace isthmus::contract {

inline tl::unexpected<Error> refuse(std::string field, std::string what) {
  return fail(ErrorKind::kInvalidArgument, std::move(what), std::move(field));
}

template <typename Enum>
bool within(Enum value, Enum first, Enum last) {
  return value >= first && value <= last;
}

/// Names of networks, engines and counters: what may stand in a log line or a metric without quotes.
inline bool is_name(const std::string& text, std::size_t bound) {
  return !text.empty() && text.size() <= bound && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':' || c == '@';
  });
}

inline bool is_text(const std::string& text, std::size_t bound) {
  return text.size() <= bound && std::ranges::all_of(text, [](char c) {
           const auto octet = static_cast<unsigned char>(c);
           return octet >= 0x20 && octet != 0x7f;
         });
}

inline bool is_address(const IpAddress& address) {
  if (address.family == IpFamily::kV6) return true;
  return address.family == IpFamily::kV4 &&
         std::all_of(address.bytes.begin() + 4, address.bytes.end(), [](std::uint8_t octet) { return octet == 0; });
}

// ---- inspection (validate_inspection.cc) ----
Status check(const StageFigures& figures);
Status check(const TraceSpec& spec);
Status check(const TracePage& page);

}  // namespace isthmus::contract
