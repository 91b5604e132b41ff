#pragma once

// Bodies of several parts (RFC 2046 5.1), as views into the body. Our own splitter: the libraries at hand end the
// process on a damaged boundary.
//
//   --boundary CRLF
//   headers CRLF            of one part
//   CRLF
//   content CRLF
//   --boundary-- CRLF       the end; what stands before the first boundary and behind this one means nothing

#include <cstddef>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::sip {

// Threat model B1.
inline constexpr std::size_t kMaxMultipartDepth = 4;  ///< a multipart in a multipart ...
inline constexpr std::size_t kMaxParts = 16;          ///< leaves, over all levels
inline constexpr std::size_t kMaxPartHeaders = 16;    ///< of one part
inline constexpr std::size_t kMaxBoundaryBytes = 70;  ///< RFC 2046 5.1.1

/// A leaf. Views live as long as the body.
struct Part {
  std::string_view content_type;  ///< empty: text/plain (RFC 2046 5.1)
  std::string_view disposition;   ///< Content-Disposition with its parameters
  std::string_view content;
  bool is_alternative = false;  ///< one of the parts of a multipart/alternative, which all say the same
};

/// True for multipart/anything.
bool is_multipart(std::string_view content_type);

/// The leaves in order. kMalformedInput for a body whose boundaries do not hold together, kExhausted past a bound.
Result<std::vector<Part>> split_multipart(std::string_view content_type, std::string_view body);

/// The part that is the session description: of the parts with that type the last alternative or the first of the
/// others, and one that [MS-SDPEXT] marks as meant for proxies of 2007 (ms-proxy-2007fallback) only when it is alone.
/// Null: none. A part of another type that must be understood (RFC 3261 20.11: handling is "required" unless it says
/// otherwise) is kUnavailable, with its type as field.
Result<const Part*> find_description(const std::vector<Part>& parts, std::string_view wanted_type);

}  // namespace isthmus::sip
