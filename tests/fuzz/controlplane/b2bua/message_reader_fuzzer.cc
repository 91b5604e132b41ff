// Any bytes that are a SIP message: what the call reads of it keeps its bounds, and nothing of it can begin a line of
// the message that goes to the other leg.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/b2bua/message_reader.h"
#include "controlplane/sip/limits.h"
#include "controlplane/sip/parser.h"

namespace {

using namespace isthmus;

void require(bool holds) {
  if (!holds) std::abort();
}

/// A NUL may stand in it: quoted pairs take one (RFC 3261 25.1).
bool is_one_line(std::string_view text) { return text.find_first_of("\r\n") == text.npos; }

void check(const b2bua::Signal& signal) {
  require(signal.product.size() <= b2bua::kMaxProductBytes && is_one_line(signal.product));
  require(signal.crossing.size() <= b2bua::kMaxCrossingHeaders);
  for (const b2bua::Header& header : signal.crossing) {
    require(header.value.size() <= b2bua::kMaxCrossingBytes);
    require(is_one_line(header.name) && is_one_line(header.value));
  }
  require(is_one_line(signal.contact) && is_one_line(signal.diagnosis));
  require(std::ranges::all_of(signal.record_route, is_one_line));
  require(!signal.body || signal.body->text.size() <= sip::kMaxMessageBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const sip::ParseOutcome outcome = sip::parse_message(bytes);
  if (outcome.refusal) return 0;
  const sip::Message& message = outcome.message;
  for (const auto from : {b2bua::Dialect::kStandards, b2bua::Dialect::kMicrosoft}) {
    for (const auto to : {b2bua::Dialect::kStandards, b2bua::Dialect::kMicrosoft}) {
      if (message.is_request()) {
        check(b2bua::read_request(message, from, to));
      } else {
        check(b2bua::read_response(message, from, to));
      }
    }
  }
  require(is_one_line(b2bua::unknown_required(message)));
  return 0;
}
