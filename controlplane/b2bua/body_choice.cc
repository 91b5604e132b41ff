#include "controlplane/b2bua/body_choice.h"

#include <algorithm>
#include <array>

#include "controlplane/sip/multipart.h"

namespace isthmus::b2bua {
namespace {

/// Understood as what they are, and never served: the answer is about the session, not about the type.
struct KnownType {
  std::string_view type;
  std::string_view text;
};
constexpr std::array<KnownType, 3> kKnownTypes{{
    {"application/ms-conf-invite+xml", "a Microsoft conference cannot be joined"},  // R39
    {"application/ms-filetransfer+xml", "file transfer is not served"},
    {"application/cccp+xml", "conference control is not served"},
}};

const KnownType* known_type(std::string_view content_type) {
  const Body body{std::string(content_type), {}};
  const auto found = std::find_if(kKnownTypes.begin(), kKnownTypes.end(),
                                  [&body](const KnownType& known) { return has_type(body, known.type); });
  return found == kKnownTypes.end() ? nullptr : found;
}

BodyRefusal refusal_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnavailable: return refusal_of_type(error.field);
    case ErrorKind::kExhausted: return {413, std::string(error.message)};
    default: return {400, std::string(error.message)};
  }
}

}  // namespace

BodyRefusal refusal_of_type(std::string_view content_type) {
  if (const KnownType* known = known_type(content_type)) return {488, std::string(known->text)};
  return {415, "the body is not SDP"};
}

BodyChoice choose_body(const sip::Message& message) {
  BodyChoice choice;
  if (message.body().empty()) return choice;
  const std::string_view type = message.content_type();
  if (sip::is_multipart(type)) {
    const auto parts = sip::split_multipart(type, message.body());
    const auto found = parts ? sip::find_description(*parts, kSdpType) : Result<const sip::Part*>(nullptr);
    if (found && *found != nullptr) {
      choice.body = Body{std::string(kSdpType), std::string((*found)->content)};
      return choice;
    }
    if (!parts) {
      choice.refused = refusal_of(parts.error());
    } else if (!found) {
      choice.refused = refusal_of(found.error());
    } else {
      choice.refused = refusal_of_type({});
      for (const sip::Part& part : *parts) {
        if (known_type(part.content_type) != nullptr) choice.refused = refusal_of_type(part.content_type);
      }
    }
  }
  choice.body = Body{std::string(type), message.body()};
  if (!choice.refused && !has_type(*choice.body, kSdpType)) choice.refused = refusal_of_type(type);
  return choice;
}

}  // namespace isthmus::b2bua
