#include "controlplane/sip/parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "controlplane/sip/limits.h"
#include "controlplane/sip/lines.h"
#include "controlplane/sip/plain.h"
#include "controlplane/sip/sofia.h"
#include "controlplane/sip/split.h"
#include "controlplane/sip/text.h"

namespace isthmus::sip {

/// One message read once. Goes on after the first mistake, to find what an answer needs.
class MessageParser {
 public:
  ParseOutcome run(std::string_view bytes);

 private:
  /// The first mistake is the one that is told.
  void refuse(std::uint16_t status, const char* detail) {
    if (!outcome_.refusal) outcome_.refusal = Refusal{status, detail};
  }
  void read_start_line(std::string_view line);
  void read_request_line(std::string_view line);
  void read_status_line(std::string_view line);
  bool read_header(std::string_view line);
  void keep(HeaderId id, std::string_view name, std::string_view value);
  void keep_list(HeaderId id, std::string_view name, std::string_view list);
  void read_typed(HeaderId id, std::string_view value);
  void read_address(HeaderId id, NameAddr& into, std::string_view value, const char* detail);
  void read_addresses(HeaderId id, std::vector<NameAddr>& into, std::string_view value, const char* detail);
  void read_cseq(std::string_view value);
  void check_whole();
  void read_body(std::string_view rest);

  ParseOutcome outcome_;
  Message& message_ = outcome_.message;
  std::optional<std::uint32_t> length_;
  std::array<bool, static_cast<std::size_t>(HeaderId::kOther) + 1> seen_{};
  bool is_request_ = false;
};

namespace {

constexpr std::string_view kVersion = "SIP/2.0";
constexpr std::size_t kUsualHeaders = 24;
constexpr text::CharSet kNeverInCallId(" \t,");

/// RFC 3261 7.3.1: these stand once.
bool is_single(HeaderId id) {
  switch (id) {
    case HeaderId::kFrom:
    case HeaderId::kTo:
    case HeaderId::kCallId:
    case HeaderId::kCSeq:
    case HeaderId::kMaxForwards:
    case HeaderId::kContentLength:
    case HeaderId::kContentType: return true;
    default: return false;
  }
}

bool is_split(HeaderId id) {
  return id == HeaderId::kVia || id == HeaderId::kRoute || id == HeaderId::kRecordRoute || id == HeaderId::kContact;
}

}  // namespace

void MessageParser::read_request_line(std::string_view line) {
  is_request_ = true;
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  message_.method_name_ = method;
  message_.method_ = method_of(method);
  // RFC 3261 7.1: one space between the three, none elsewhere.
  if (!text::is_token(method)) return refuse(400, "the method is no token");
  if (!text::same(version.substr(0, 4), "SIP/")) return refuse(400, "the request line does not end with a version");
  if (!text::same(version, kVersion)) return refuse(505, "the version is not SIP/2.0");
  if (first == last) return refuse(400, "the request line has no URI");
  const std::string_view uri = line.substr(first + 1, last - first - 1);
  auto parsed = Uri::parse(uri);
  if (!parsed) return refuse(400, "the request URI does not parse");
  message_.request_uri_ = std::move(*parsed);
}

void MessageParser::read_status_line(std::string_view line) {
  message_.status_ = 400;  // so that it is a response, whatever else comes
  const std::string_view rest = line.substr(std::min(kVersion.size() + 1, line.size()));
  if (!text::same(line.substr(0, kVersion.size() + 1), "SIP/2.0 ")) return refuse(505, "the version is not SIP/2.0");
  const auto status = text::number(rest.substr(0, 3), 699);
  if (!status || *status < 100 || rest.size() < 3 || (rest.size() > 3 && rest[3] != ' ')) {
    return refuse(400, "the status is none");
  }
  message_.status_ = static_cast<std::uint16_t>(*status);
  if (rest.size() > 4) message_.reason_ = rest.substr(4);
}

void MessageParser::read_start_line(std::string_view line) {
  if (line.size() > kMaxStartLineBytes) {
    is_request_ = !text::same(line.substr(0, 4), "SIP/");
    refuse(414, "the start line is too long");
  } else if (!lines::looks_like_sip(line)) {
    is_request_ = true;
    refuse(400, "no start line of SIP");
  } else if (text::same(line.substr(0, 4), "SIP/")) {
    read_status_line(line);
  } else {
    read_request_line(line);
  }
}

/// A plain one is known to parse: its parts are copied for who asks for them, and of most messages nobody does.
void MessageParser::read_address(HeaderId id, NameAddr& into, std::string_view value, const char* detail) {
  if (plain::is_address(value)) return message_.outdate(id);
  auto parsed = split_address(value);
  if (!parsed || parsed->is_star || !sofia::takes_address(value)) return refuse(400, detail);
  into = std::move(*parsed);
}

void MessageParser::read_addresses(HeaderId id, std::vector<NameAddr>& into, std::string_view value,
                                   const char* detail) {
  if (plain::is_address(value)) return message_.outdate(id);
  const bool is_contact = id == HeaderId::kContact;
  auto address = split_address(value);
  const bool taken = is_contact ? sofia::takes_contact(value) : sofia::takes_route(value);
  if (!address || !taken || (address->is_star && !is_contact)) return refuse(400, detail);
  into.push_back(std::move(*address));
}

void MessageParser::read_cseq(std::string_view value) {
  const std::size_t space = std::min(value.find_first_of(" \t"), value.size());
  // RFC 3261 8.1.1.5 says below 2^31; some peers do not care, and nothing of ours depends on it.
  const auto number = text::number(value.substr(0, space), UINT32_MAX);
  const std::string_view method = text::trim(value.substr(space));
  if (!number || !text::is_token(method)) return refuse(400, "CSeq does not parse");
  message_.cseq_ = {*number, method_of(method), std::string(method)};
}

void MessageParser::read_typed(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::kFrom: return read_address(id, message_.from_, value, "From does not parse");
    case HeaderId::kTo: return read_address(id, message_.to_, value, "To does not parse");
    case HeaderId::kCSeq: return read_cseq(value);
    case HeaderId::kCallId:
      if (value.empty() || kNeverInCallId.find_in(value) != std::string_view::npos)
        return refuse(400, "Call-ID does not parse");
      message_.call_id_ = value;
      return;
    case HeaderId::kMaxForwards:
      message_.max_forwards_ = text::number(value, 255);
      if (!message_.max_forwards_) refuse(400, "Max-Forwards is no number up to 255");
      return;
    case HeaderId::kVia: {
      auto via = Via::parse(value);
      if (!via) return refuse(400, "a Via does not parse");
      if (message_.vias_.size() == kMaxVias) return refuse(400, "too many Via headers");
      message_.vias_.push_back(std::move(*via));
      return;
    }
    case HeaderId::kContact: return read_addresses(id, message_.contacts_, value, "Contact does not parse");
    case HeaderId::kRoute: return read_addresses(id, message_.routes_, value, "a Route does not parse");
    case HeaderId::kRecordRoute: return read_addresses(id, message_.record_routes_, value, "a Route does not parse");
    default: return;
  }
}

void MessageParser::keep(HeaderId id, std::string_view name, std::string_view value) {
  if (message_.headers_.size() == kMaxHeaders) return refuse(513, "too many headers");
  read_typed(id, value);
  Header& header = message_.headers_.emplace_back();
  header.id = id;
  header.name = name;
  header.value = value;
}

void MessageParser::keep_list(HeaderId id, std::string_view name, std::string_view list) {
  const std::size_t before = message_.headers_.size();
  text::for_each_in_list(list, [&](std::string_view value) { keep(id, name, value); });
  if (message_.headers_.size() == before) refuse(400, "a Via, Route or Contact is empty");
}

bool MessageParser::read_header(std::string_view line) {
  if (line.size() > kMaxHeaderBytes) {
    refuse(513, "a header is too long");
    return true;
  }
  const auto header = lines::split(line);
  std::string_view value = header ? header->value : std::string_view{};
  std::optional<std::string> unfolded;
  if (lines::has_line_end(value)) {
    unfolded = lines::unfold(value);
    value = unfolded ? std::string_view(*unfolded) : value;
  }
  if (!header || lines::has_line_end(value)) {
    refuse(400, "a header line does not parse");
    return true;
  }
  const HeaderId id = header_id_of(header->name);
  if (id == HeaderId::kContentLength) {
    const auto length = text::number(value, kMaxMessageBytes);
    if (!length || (length_ && length_ != length)) refuse(400, "Content-Length is no number, or there are two");
    length_ = length;
  } else if (is_single(id) && seen_[static_cast<std::size_t>(id)]) {
    refuse(400, "a header that may stand once stands twice");
  } else if (is_split(id)) {
    keep_list(id, header->name, value);
  } else {
    keep(id, header->name, value);
  }
  seen_[static_cast<std::size_t>(id)] = true;
  return message_.headers_.size() < kMaxHeaders || !outcome_.refusal;
}

void MessageParser::check_whole() {
  const auto has = [this](HeaderId id) { return seen_[static_cast<std::size_t>(id)]; };
  if (!has(HeaderId::kVia)) refuse(400, "no Via");
  if (!has(HeaderId::kFrom)) refuse(400, "no From");
  if (!has(HeaderId::kTo)) refuse(400, "no To");
  if (!has(HeaderId::kCallId)) refuse(400, "no Call-ID");
  if (!has(HeaderId::kCSeq)) refuse(400, "no CSeq");
  if (is_request_ && message_.cseq_.method_name != message_.method_name_) {
    refuse(400, "the method of CSeq is not that of the request");
  }
  const std::string& scheme = message_.request_uri_.scheme;
  if (is_request_ && scheme != "sip" && scheme != "sips" && scheme != "tel") {
    refuse(416, "the scheme of the request URI is not sip, sips or tel");
  }
}

void MessageParser::read_body(std::string_view rest) {
  if (!length_) {
    message_.body_ = rest;
  } else if (*length_ > rest.size()) {
    refuse(400, "the body is shorter than Content-Length");
  } else {
    message_.body_ = rest.substr(0, *length_);
  }
}

ParseOutcome MessageParser::run(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  message_.headers_.reserve(kUsualHeaders);
  const bool is_oversize = bytes.size() > kMaxMessageBytes;
  std::size_t head = lines::head_end(bytes.substr(0, kMaxHeaderBlockBytes));
  const bool has_end = head != std::string_view::npos;
  if (!has_end) head = std::min(bytes.size(), kMaxHeaderBlockBytes);
  const std::size_t line_end = bytes.substr(0, head).find("\r\n");
  const std::string_view start_line = bytes.substr(0, std::min(line_end, head));
  read_start_line(start_line);
  if (is_oversize) {
    refuse(413, "the message is too long");
  } else if (!has_end) {
    const bool is_long = bytes.size() >= kMaxHeaderBlockBytes;
    refuse(is_long ? 513 : 400, is_long ? "the headers are too long" : "no empty line after the headers");
  }
  if (line_end != std::string_view::npos) {
    const std::string_view block = bytes.substr(line_end + 2, head - line_end - 2);
    lines::for_each(block, [this](std::string_view line) { return read_header(line); });
  }
  check_whole();
  if (has_end && !is_oversize) read_body(bytes.substr(head));
  outcome_.can_answer =
      is_request_ && message_.method_ != Method::kAck && !message_.vias_.empty() && message_.headers_.size() > 1;
  return std::move(outcome_);
}

ParseOutcome parse_message(std::string_view bytes) { return MessageParser().run(bytes); }

Message refuse(const Message& request, const Refusal& refusal, std::string_view warn_agent, std::string_view to_tag) {
  Message answer = Message::response(request, refusal.status, {}, to_tag);
  std::string warning = "399 ";
  warning.append(warn_agent).append(" \"").append(refusal.detail).append("\"");
  answer.add(HeaderId::kWarning, warning);
  return answer;
}

}  // namespace isthmus::sip
