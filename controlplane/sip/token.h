#pragma once

// Unpredictable words for tags, branches and Call-IDs (threat model B1: at least 64 bits).

#include <string>
#include <string_view>

#include "dataplane/base/random.h"

namespace isthmus::sip {

/// 80 random bits as 16 characters of [a-z2-7].
std::string make_token(RandomSource& random);
/// With the cookie of RFC 3261 8.1.1.7 in front.
std::string make_branch(RandomSource& random);

}  // namespace isthmus::sip
