#include "controlplane/sip/framing.h"

#include <algorithm>
#include <optional>

#include "controlplane/sip/lines.h"
#include "controlplane/sip/method.h"
#include "controlplane/sip/text.h"

namespace isthmus::sip {

namespace {

/// Above any Content-Length that matters here, below any overflow.
constexpr std::uint32_t kLargestLength = 1'000'000'000;

}  // namespace

void StreamFramer::append(std::string_view bytes) {
  if (broken_) return;
  if (skip_ > 0) {
    const std::size_t skipped = std::min(skip_, bytes.size());
    skip_ -= skipped;
    bytes.remove_prefix(skipped);
  }
  if (start_ > 0) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  buffer_.append(bytes);
}

std::size_t StreamFramer::line_ends() const {
  std::size_t count = 0;
  const std::string_view bytes = rest();
  while (count < bytes.size() && (bytes[count] == '\r' || bytes[count] == '\n')) ++count;
  return count;
}

void StreamFramer::consume(std::size_t bytes) {
  start_ += bytes;
  scanned_ = head_ = body_ = 0;
  start_line_seen_ = false;
}

Cut StreamFramer::broken(std::uint16_t status, const char* detail, std::string_view head) {
  broken_ = true;
  return {Cut::Kind::kBroken, head, {status, detail}};
}

Cut StreamFramer::check_unfinished_head() {
  const std::string_view bytes = rest();
  if (!start_line_seen_) {
    const std::size_t end = bytes.find("\r\n", scanned_ > 0 ? scanned_ - 1 : 0);
    const std::string_view line = bytes.substr(0, end);
    if (line.size() > kMaxStartLineBytes + (end == std::string_view::npos ? 1 : 0)) {
      return broken(414, "the start line is too long", {});
    }
    // Method and version both start with a token; whatever else speaks here is not worth waiting for.
    if (line.empty() || !text::is_token_char(line.front())) return broken(400, "no start line", {});
    if (end != std::string_view::npos) {
      start_line_seen_ = true;
      if (!lines::looks_like_sip(line)) return broken(400, "no start line of SIP", {});
    }
  }
  return {};
}

Cut StreamFramer::read_head() {
  const std::string_view head = rest().substr(0, head_);
  const std::size_t start_line = head.find("\r\n");
  std::optional<std::uint32_t> length;
  bool bad = false;
  lines::for_each(head.substr(start_line + 2), [&](std::string_view line) {
    // Both names, Content-Length and l; the others are the parser's.
    if (const char first = text::lower(line.front()); first != 'c' && first != 'l') return true;
    const auto header = lines::split(line);
    if (!header || header_id_of(header->name) != HeaderId::kContentLength) return true;
    const auto value = lines::unfold(header->value);
    const auto number = value ? text::number(text::trim(*value), kLargestLength) : std::nullopt;
    bad = bad || !number || (length && *length != *number);
    length = number;
    return !bad;
  });
  if (bad) return broken(400, "Content-Length is no number, or there are two", head);
  // RFC 3261 18.3: on a stream it must be there.
  if (!length) return broken(400, "no Content-Length on a connection", head);
  body_ = *length;
  if (body_ > kMaxSkippedBytes) return broken(413, "the message is too long", head);
  return {};
}

Cut StreamFramer::next() {
  if (broken_ || skip_ > 0) return {};
  while (true) {
    const std::string_view bytes = rest();
    if (bytes.starts_with("\r\n\r\n")) {
      consume(4);
      return {Cut::Kind::kPing};
    }
    if (head_ > 0 || bytes.size() < 3 || !bytes.starts_with("\r\n") || bytes[2] == '\r') break;
    consume(2);
  }
  const std::string_view bytes = rest();
  if (bytes.empty() || bytes.size() == line_ends()) {
    if (bytes.size() > 3) return broken(400, "line ends that are none", {});
    return {};
  }
  if (head_ == 0) {
    if (Cut cut = check_unfinished_head(); cut.kind != Cut::Kind::kNeedMore) return cut;
    const std::size_t end = lines::head_end(bytes.substr(0, kMaxHeaderBlockBytes), scanned_);
    if (end == std::string_view::npos) {
      if (bytes.size() >= kMaxHeaderBlockBytes) {
        return broken(513, "the headers are too long", bytes.substr(0, kMaxHeaderBlockBytes));
      }
      scanned_ = bytes.size() > 3 ? bytes.size() - 3 : 0;
      return {};
    }
    head_ = end;
    if (Cut cut = read_head(); cut.kind != Cut::Kind::kNeedMore) return cut;
  }
  const std::size_t total = head_ + body_;
  if (total > kMaxMessageBytes) {
    const std::string_view head = bytes.substr(0, head_);
    const std::size_t here = std::min(total, bytes.size());
    consume(here);
    skip_ = total - here;
    return {Cut::Kind::kOversize, head, {413, "the message is too long"}};
  }
  if (bytes.size() < total) return {};
  consume(total);
  return {Cut::Kind::kMessage, bytes.substr(0, total)};
}

}  // namespace isthmus::sip
