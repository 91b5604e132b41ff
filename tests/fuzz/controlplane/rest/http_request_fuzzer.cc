// Bytes as a client could send them: what check_head lets pass must hold what the rest of the folder builds on.

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "controlplane/rest/request_rules.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::rest;
  static const std::vector<std::string> hosts = {"127.0.0.1", "localhost", "[::1]"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find("\r\n\r\n");
  const std::string_view head = text.substr(0, end == std::string_view::npos ? end : end + 4);
  if (check_head(head)) {
    require(head.size() <= kMaxHeadBytes);
    require(head.find('\0') == std::string_view::npos);
    require(head.find("\r\n ") == std::string_view::npos && head.find("\r\n\t") == std::string_view::npos);
    const std::size_t first = head.find(' ');
    const std::string_view line = head.substr(0, head.find("\r\n"));
    if (const auto target = parse_target(line.substr(first + 1, line.rfind(' ') - first - 1))) {
      require(target->segments.size() <= kMaxSegments && target->query.size() <= kMaxQueryParameters);
      for (const auto& segment : target->segments) {
        require(!segment.empty() && segment != ".." && segment.find('/') == std::string::npos);
      }
    }
  }
  parse_target(text);
  if (host_allowed(text, hosts)) require(text.size() <= sizeof "localhost:65535" + 16);
  origin_allowed(text, hosts);
  require(bearer_token(text).size() <= 256);
  return 0;
}
