#include "controlplane/b2bua/header_table.h"

#include <algorithm>
#include <cctype>

namespace isthmus::b2bua {
namespace {

// Bits: who may say it to whom.
constexpr std::uint8_t kSS = 1;
constexpr std::uint8_t kSM = 2;
constexpr std::uint8_t kMS = 4;
constexpr std::uint8_t kMM = 8;
constexpr std::uint8_t kFromStandards = kSS | kSM;
constexpr std::uint8_t kAny = kSS | kSM | kMS | kMM;
constexpr std::uint8_t kNever = 0;

struct Row {
  std::string_view name;
  std::uint8_t request;
  std::uint8_t response;
  // why
};

// In the order of the alphabet, for the eye. Not here on purpose: Identity (it signs a body that we change),
// Authorization and its kin (of another realm), Contact, Route, Record-Route, Via (of one leg), Supported, Require,
// Allow, Session-Expires, Min-SE, RSeq, RAck (negotiated on each leg), User-Agent and Server (ours),
// Ms-Conversation-ID (a client refuses one that it knows: drawn anew), ms-diagnostics and its kin (diagnostics.h).
// From Microsoft: History-Info has ms-target-phone and the like, Referred-By a signature of that side's, and
// Accept-Language says nothing about the caller.
constexpr Row kTable[] = {
    {"Accept-Contact", kFromStandards, kNever},                    // RFC 3841
    {"Accept-Language", kFromStandards, kNever},                   //
    {"Alert-Info", kSS, kSS},                                      // RFC 3261 20.4
    {"Answer-Mode", kFromStandards, kFromStandards},               // RFC 5373
    {"Cisco-Guid", kSS, kNever},                                   // correlation in call managers
    {"Diversion", kAny, kAny},                                     // RFC 5806, R62
    {"History-Info", kFromStandards | kMM, kFromStandards | kMM},  // RFC 7044
    {"Ms-Sensitivity", kMM, kNever},                               //
    {"Organization", kAny, kAny},                                  //
    {"P-Asserted-Identity", kAny, kAny},                           // RFC 3325; zones are trust domains, R60
    {"P-Early-Media", kSS, kSS},                                   // RFC 5009
    {"Priority", kAny, kNever},                                    //
    {"Privacy", kAny, kAny},                                       // RFC 3323
    {"Reason", kAny, kAny},                                        // RFC 3326
    {"Referred-By", kFromStandards | kMM, kNever},                 // RFC 3892
    {"Reject-Contact", kFromStandards, kNever},                    // RFC 3841
    {"Remote-Party-ID", kAny, kAny},                               // R60
    {"Request-Disposition", kSS, kNever},                          // RFC 3841
    {"Retry-After", kNever, kAny},                                 //
    {"Session-ID", kSS, kSS},                                      // RFC 7989, end to end
    {"Subject", kAny, kNever},                                     //
    {"User-to-User", kAny, kAny},                                  // RFC 7433
    {"Warning", kNever, kAny},                                     //
    {"X-Cisco-Call-Id", kSS, kNever},                              //
};

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

}  // namespace

bool crosses(std::string_view name, MessageKind kind, Dialect from, Dialect to) {
  for (const Row& row : kTable) {
    if (row.name.size() != name.size() || ((row.name.front() ^ name.front()) & ~0x20) != 0) continue;
    if (!equal_ignoring_case(row.name, name)) continue;
    const std::uint8_t rule = kind == MessageKind::kRequest ? row.request : row.response;
    const bool to_microsoft = to == Dialect::kMicrosoft;
    if (from == Dialect::kStandards) return (rule & (to_microsoft ? kSM : kSS)) != 0;
    return (rule & (to_microsoft ? kMM : kMS)) != 0;
  }
  return false;
}

Headers crossing_to(const Headers& headers, MessageKind kind, Dialect from, Dialect to) {
  Headers kept;
  for (const Header& header : headers) {
    if (crosses(header.name, kind, from, to)) kept.push_back(header);
  }
  return kept;
}

}  // namespace isthmus::b2bua
