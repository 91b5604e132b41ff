#include "controlplane/b2bua/header_table.h"

#include <algorithm>
#include <cctype>

namespace isthmus::b2bua {
namespace {

// Bits: from standards / from Microsoft, in requests / in responses.
constexpr std::uint8_t kS = 1;   // standards -> either
constexpr std::uint8_t kM = 2;   // Microsoft -> either
constexpr std::uint8_t kMM = 4;  // Microsoft -> Microsoft only
constexpr std::uint8_t kAny = kS | kM;
constexpr std::uint8_t kNever = 0;

struct Row {
  std::string_view name;
  std::uint8_t request;
  std::uint8_t response;
  // why
};

// In the order of the alphabet, for the eye. Not here on purpose: Identity (it signs a body that we change),
// Authorization and its kin (of another realm), Contact, Route, Record-Route, Via (of one leg), Supported, Require,
// Allow, Session-Expires, Min-SE, RSeq, RAck (negotiated on each leg), User-Agent and Server (ours).
constexpr Row kTable[] = {
    {"Accept-Contact", kAny, kNever},     // RFC 3841
    {"Accept-Language", kAny, kNever},    //
    {"Alert-Info", kS, kS},               // RFC 3261 20.4
    {"Answer-Mode", kAny, kAny},          // RFC 5373
    {"Cisco-Guid", kS, kNever},           // correlation in call managers
    {"Diversion", kAny, kAny},            // RFC 5806, R62
    {"History-Info", kAny, kAny},         // RFC 7044
    {"Ms-Conversation-ID", kMM, kMM},     //
    {"ms-diagnostics", kMM, kMM},         //
    {"Organization", kAny, kAny},         //
    {"P-Asserted-Identity", kAny, kAny},  // RFC 3325; zones are trust domains, R60
    {"P-Early-Media", kS, kS},            // RFC 5009
    {"Priority", kAny, kNever},           //
    {"Privacy", kAny, kAny},              // RFC 3323
    {"Reason", kAny, kAny},               // RFC 3326
    {"Referred-By", kAny, kNever},        // RFC 3892
    {"Reject-Contact", kAny, kNever},     // RFC 3841
    {"Remote-Party-ID", kAny, kAny},      // R60
    {"Request-Disposition", kS, kNever},  // RFC 3841
    {"Retry-After", kNever, kAny},        //
    {"Session-ID", kS, kS},               // RFC 7989, end to end
    {"Subject", kAny, kNever},            //
    {"Ms-Sensitivity", kMM, kNever},      //
    {"User-to-User", kAny, kAny},         // RFC 7433
    {"Warning", kNever, kAny},            //
    {"X-Cisco-Call-Id", kS, kNever},      //
};

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

}  // namespace

bool crosses(std::string_view name, MessageKind kind, Dialect from, Dialect to) {
  for (const Row& row : kTable) {
    if (row.name.size() != name.size() || !equal_ignoring_case(row.name, name)) continue;
    const std::uint8_t rule = kind == MessageKind::kRequest ? row.request : row.response;
    if (from == Dialect::kStandards) return (rule & kS) != 0;
    return (rule & kM) != 0 || ((rule & kMM) != 0 && to == Dialect::kMicrosoft);
  }
  return false;
}

}  // namespace isthmus::b2bua
