#pragma once

// The bearer token of the REST interface: drawn at the first start, kept as a hash (threat model B5, B8). The token
// itself is written once, 0600, for the person who set the gateway up.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/random.h"
#include "dataplane/base/result.h"

namespace isthmus::rest {

inline constexpr std::size_t kTokenBytes = 32;  ///< 64 hexadecimal digits
inline constexpr const char* kTokenFile = "token";
inline constexpr const char* kTokenHashFile = "token.sha256";

using TokenHash = std::array<std::uint8_t, 32>;
TokenHash hash_token(std::string_view token);

/// Reads the hash in `state_dir`; where there is none, draws a token and writes both files, each whole or not at all.
/// The folder is made (0700) where it is missing. A damaged hash is refused rather than replaced.
Result<TokenHash> load_or_make_token(const std::string& state_dir, RandomSource& random);

}  // namespace isthmus::rest
