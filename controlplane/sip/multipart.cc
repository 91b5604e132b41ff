#include "controlplane/sip/multipart.h"

#include <optional>
#include <string>

#include "controlplane/sip/lines.h"
#include "controlplane/sip/text.h"
#include "controlplane/sip/uri.h"

namespace isthmus::sip {
namespace {

constexpr auto kNone = std::string_view::npos;

tl::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::kMalformedInput, what, "body"); }

std::string_view media_type(std::string_view content_type) {
  return text::trim(content_type.substr(0, content_type.find(';')));
}

std::string_view parameters_of(std::string_view value) {
  const std::size_t semicolon = value.find(';');
  return semicolon == kNone ? std::string_view{} : value.substr(semicolon + 1);
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') return value.substr(1, value.size() - 2);
  return value;
}

/// One line and what comes behind it; lines end with CRLF, and some peers' with LF.
struct Line {
  std::string_view text;
  std::size_t next = 0;  ///< npos: it was the last, and had no end
};
Line line_at(std::string_view body, std::size_t at) {
  const std::size_t end = body.find('\n', at);
  if (end == kNone) return {body.substr(at), kNone};
  std::string_view text = body.substr(at, end - at);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return {text, end + 1};
}

enum class Mark { kNo, kPart, kEnd };
/// Whether a line is a delimiter: "--boundary" or "--boundary--", blanks may follow (RFC 2046 5.1.1).
Mark mark_of(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return Mark::kNo;
  std::string_view rest = line.substr(2 + boundary.size());
  const bool ends = rest.starts_with("--");
  if (ends) rest.remove_prefix(2);
  if (!text::trim(rest).empty()) return Mark::kNo;
  return ends ? Mark::kEnd : Mark::kPart;
}

class Splitter {
 public:
  Status split(std::string_view content_type, std::string_view body, std::size_t depth, bool is_alternative);
  std::vector<Part> take() { return std::move(parts_); }

 private:
  Status add_part(std::string_view text, std::size_t depth, bool is_alternative);

  std::vector<Part> parts_;
};

/// Depth is bounded, so recursion is.
Status Splitter::split(std::string_view content_type, std::string_view body, std::size_t depth, bool is_alternative) {
  if (depth == kMaxMultipartDepth) return fail(ErrorKind::kExhausted, "multipart bodies are nested too deeply", "body");
  const auto parameter = find_parameter(parameters_of(content_type), "boundary");
  const std::string_view boundary = parameter ? unquoted(*parameter) : std::string_view{};
  if (boundary.empty() || boundary.size() > kMaxBoundaryBytes) {
    return malformed("a multipart body has no boundary, or one that is too long");
  }
  const bool alternative = is_alternative || text::same(media_type(content_type), "multipart/alternative");
  std::size_t part = kNone;  // where the present part starts
  for (std::size_t at = 0; at != kNone && at < body.size();) {
    const Line line = line_at(body, at);
    const Mark mark = mark_of(line.text, boundary);
    if (mark != Mark::kNo) {
      if (part != kNone) {
        // The line end in front of a delimiter belongs to it.
        std::string_view text = body.substr(part, at - part);
        if (text.ends_with('\n')) text.remove_suffix(1);
        if (text.ends_with('\r')) text.remove_suffix(1);
        if (auto added = add_part(text, depth, alternative); !added) return added;
      }
      if (mark == Mark::kEnd) return {};
      if (line.next == kNone) return malformed("a multipart body ends with the start of a part");
      part = line.next;
    }
    at = line.next;
  }
  return malformed(part == kNone ? "a multipart body has no part" : "a multipart body has no end");
}

Status Splitter::add_part(std::string_view text, std::size_t depth, bool is_alternative) {
  Part part;
  part.is_alternative = is_alternative;
  std::size_t at = 0;
  for (std::size_t headers = 0; at != kNone && at < text.size(); ++headers) {
    const Line line = line_at(text, at);
    at = line.next;
    if (line.text.empty()) break;
    if (headers == kMaxPartHeaders) return fail(ErrorKind::kExhausted, "a part has too many headers", "body");
    const auto header = lines::split(line.text);
    if (!header) return malformed("a header of a part does not parse");
    if (text::same(header->name, "Content-Type")) part.content_type = header->value;
    if (text::same(header->name, "Content-Disposition")) part.disposition = header->value;
  }
  part.content = at == kNone ? std::string_view{} : text.substr(at);
  if (is_multipart(part.content_type)) return split(part.content_type, part.content, depth + 1, is_alternative);
  if (parts_.size() == kMaxParts) return fail(ErrorKind::kExhausted, "a body has too many parts", "body");
  parts_.push_back(part);
  return {};
}

bool is_fallback(const Part& part) {
  return find_parameter(parameters_of(part.disposition), "ms-proxy-2007fallback").has_value();
}

bool may_be_ignored(const Part& part) {
  const auto handling = find_parameter(parameters_of(part.disposition), "handling");
  return handling && text::same(unquoted(*handling), "optional");
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  constexpr std::string_view kMultipart = "multipart/";
  const std::string_view type = media_type(content_type);
  return type.size() > kMultipart.size() && text::same(type.substr(0, kMultipart.size()), kMultipart);
}

Result<std::vector<Part>> split_multipart(std::string_view content_type, std::string_view body) {
  Splitter splitter;
  if (auto split = splitter.split(content_type, body, 0, false); !split) return forward_error(split);
  return splitter.take();
}

Result<const Part*> find_description(const std::vector<Part>& parts, std::string_view wanted_type) {
  const Part* found = nullptr;
  const Part* fallback = nullptr;
  for (const Part& part : parts) {
    if (!text::same(media_type(part.content_type), wanted_type)) {
      if (part.is_alternative || may_be_ignored(part)) continue;
      return fail(ErrorKind::kUnavailable, "a part of the body must be understood and is not",
                  std::string(media_type(part.content_type)));
    }
    if (is_fallback(part)) {
      fallback = &part;
    } else if (found == nullptr || part.is_alternative) {
      found = &part;
    }
  }
  return found != nullptr ? found : fallback;
}

}  // namespace isthmus::sip
