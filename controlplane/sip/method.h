#pragma once

// Methods and headers that the stack itself knows by name; all others travel as text.

#include <cstdint>
#include <string_view>

namespace isthmus::sip {

enum class Method : std::uint8_t {
  kInvite,
  kAck,
  kBye,
  kCancel,
  kOptions,
  kRegister,
  kPrack,
  kUpdate,
  kInfo,
  kSubscribe,
  kNotify,
  kRefer,
  kMessage,
  kPublish,
  kService,
  kBenotify,
  kOther,  ///< Any other token; Message::method_name() says which.
};

/// "INVITE"; empty for kOther.
std::string_view to_string(Method method);
/// Methods are compared with case (RFC 3261 7.1).
Method method_of(std::string_view name);

enum class HeaderId : std::uint8_t {
  kVia,
  kFrom,
  kTo,
  kCallId,
  kCSeq,
  kContact,
  kRoute,
  kRecordRoute,
  kMaxForwards,  // so far of one hop or one leg: is_of_one_leg()
  kRequire,
  kProxyRequire,
  kSupported,
  kUnsupported,
  kAllow,
  kContentType,
  kContentLength,
  kContentEncoding,
  kContentDisposition,
  kAccept,
  kExpires,
  kWarning,
  kRetryAfter,
  kUserAgent,
  kServer,
  kReason,
  kSessionExpires,
  kMinSe,
  kRseq,
  kRack,
  kEvent,
  kTimestamp,
  kOther,  ///< Known by its text alone.
};

/// Addresses, routes and numbers of one hop or one dialog, which no header of another leg takes the place of.
constexpr bool is_of_one_leg(HeaderId id) { return id <= HeaderId::kMaxForwards; }
/// The long form as in the RFC, "Call-ID"; empty for kOther.
std::string_view to_string(HeaderId id);
/// Long and compact forms, without case (RFC 3261 7.3.3).
HeaderId header_id_of(std::string_view name);

}  // namespace isthmus::sip
