// Any bytes: the parser ends within its bounds, what it takes reads back the same, what it refuses can be answered.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "controlplane/sip/limits.h"
#include "controlplane/sip/parser.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::sip;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ParseOutcome outcome = parse_message(bytes);
  const Message& message = outcome.message;
  require(message.headers().size() <= kMaxHeaders && message.vias().size() <= kMaxVias);
  require(message.body().size() <= kMaxMessageBytes);
  // Tags are read without the address at first, and then with it.
  const std::string from_tag(message.from_tag());
  const std::string to_tag(message.to_tag());
  require(from_tag == message.from().tag() && to_tag == message.to().tag());
  if (!outcome.refusal) require(!message.from().empty() && !message.to().empty());
  for (const NameAddr* address : {&message.from(), &message.to()}) {
    require(address->text.size() >= address->text_without_tag().size());
  }
  if (!outcome.refusal) {
    const ParseOutcome again = parse_message(message.text());
    // Compact names and folds grow when written, so a message at a bound may be past it then.
    if (again.refusal) {
      require(again.refusal->status == 513 || again.refusal->status == 413 || again.refusal->status == 414);
    } else {
      require(again.message.method_name() == message.method_name() && again.message.body() == message.body());
      require(again.message.call_id() == message.call_id() && again.message.from_tag() == message.from_tag());
      require(again.message.vias().size() == message.vias().size());
    }
  }
  if (outcome.can_answer) {
    Message answer =
        outcome.refusal ? refuse(message, *outcome.refusal, "fuzz", "tag") : Message::response(message, 200, {}, "tag");
    answer.set_top_via_parameter("received", "192.0.2.1");
    answer.set_top_via_parameter("rport", "5060");
    const std::string text = answer.text();
    require(text.starts_with("SIP/2.0 "));
  }
  return 0;
}
