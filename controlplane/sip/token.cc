#include "controlplane/sip/token.h"

#include <array>
#include <cstdint>

namespace isthmus::sip {

namespace {

void append_token(RandomSource& random, std::string& out) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<std::uint8_t, 16> bytes;
  random.fill(bytes);
  for (const std::uint8_t byte : bytes) out.push_back(kAlphabet[byte & 31U]);
}

}  // namespace

std::string make_token(RandomSource& random) {
  std::string token;
  token.reserve(16);
  append_token(random, token);
  return token;
}

std::string make_branch(RandomSource& random) {
  std::string branch("z9hG4bK");
  branch.reserve(23);
  append_token(random, branch);
  return branch;
}

}  // namespace isthmus::sip
