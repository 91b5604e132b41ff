#include "controlplane/sip/message.h"

#include <algorithm>

#include "controlplane/sip/split.h"
#include "controlplane/sip/text.h"

namespace isthmus::sip {

namespace {

constexpr std::size_t kUsualHeaders = 16;
/// The bits of every view.
constexpr std::uint16_t kAllViews = (1U << (static_cast<unsigned>(HeaderId::kMaxForwards) + 1)) - 1;

/// CR, LF and NUL of a value become spaces: what we write is one line, whatever we were given.
std::string one_line(std::string_view value) {
  std::string line(text::trim(value));
  for (const char never : {'\r', '\n', '\0'}) {
    if (line.find(never) != std::string::npos) std::ranges::replace(line, never, ' ');
  }
  return line;
}

NameAddr address_of(std::string_view value) {
  auto parsed = split_address(value);
  return parsed ? std::move(*parsed) : NameAddr{};
}

/// RFC 3261 12.1.1: the responses that make a dialog repeat the Record-Route headers.
bool makes_dialog(const Message& request, std::uint16_t status) {
  const bool method = request.method() == Method::kInvite || request.method() == Method::kSubscribe ||
                      request.method() == Method::kRefer;
  return method && status > 100 && status < 300 && request.to_tag().empty();
}

}  // namespace

Message Message::request(Method method, std::string_view request_uri) {
  return request(to_string(method), request_uri);
}

Message Message::request(std::string_view method_name, std::string_view request_uri) {
  Message message;
  message.method_name_ = one_line(method_name);
  message.method_ = method_of(message.method_name_);
  message.set_request_uri(request_uri);
  return message;
}

Message Message::response(const Message& request, std::uint16_t status, std::string_view reason,
                          std::string_view to_tag) {
  Message message;
  message.status_ = status;
  message.reason_ = one_line(reason.empty() ? reason_phrase(status) : reason);
  const bool with_routes = makes_dialog(request, status);
  message.headers_.reserve(kUsualHeaders);
  for (const Header& header : request.headers_) {
    const bool copied = header.id == HeaderId::kVia || header.id == HeaderId::kFrom || header.id == HeaderId::kTo ||
                        header.id == HeaderId::kCallId || header.id == HeaderId::kCSeq ||
                        (header.id == HeaderId::kTimestamp && status == 100) ||
                        (header.id == HeaderId::kRecordRoute && with_routes);
    if (copied) message.headers_.push_back({header.id, std::string(to_string(header.id)), header.value});
  }
  message.stale_ = kAllViews;
  // One that came and does not parse stays as it is.
  const bool to_parses = (request.stale_ & bit(HeaderId::kTo)) != 0 || !request.to_.empty();
  if (!to_tag.empty() && to_parses && request.to_tag().empty()) {
    const auto header = std::ranges::find(message.headers_, HeaderId::kTo, &Header::id);
    if (header != message.headers_.end()) header->value.append(";tag=").append(one_line(to_tag));
  }
  return message;
}

Message Message::skeleton_of(const Message& request) {
  Message skeleton;
  skeleton.headers_.reserve(kUsualHeaders);
  skeleton.method_ = request.method_;
  skeleton.method_name_ = request.method_name_;
  for (const Header& header : request.headers_) {
    const bool kept = header.id == HeaderId::kVia || header.id == HeaderId::kFrom || header.id == HeaderId::kTo ||
                      header.id == HeaderId::kCallId || header.id == HeaderId::kCSeq ||
                      header.id == HeaderId::kTimestamp || header.id == HeaderId::kRecordRoute;
    if (kept) skeleton.headers_.push_back(header);
  }
  skeleton.stale_ = kAllViews;
  return skeleton;
}

void Message::set_request_uri(std::string_view uri) {
  request_uri_ = {};
  request_uri_.text = one_line(uri);
  is_uri_stale_ = true;
}

void Message::read_request_uri() const {
  is_uri_stale_ = false;
  if (auto parsed = Uri::parse(request_uri_.text)) request_uri_ = std::move(*parsed);
}

bool Message::operator==(const Message& other) const {
  // The views follow from these.
  return status_ == other.status_ && method_ == other.method_ && method_name_ == other.method_name_ &&
         request_uri_.text == other.request_uri_.text && reason_ == other.reason_ && headers_ == other.headers_ &&
         body_ == other.body_;
}

std::optional<std::string_view> Message::header(HeaderId id) const {
  for (const Header& header : headers_) {
    if (header.id == id) return header.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Message::header(std::string_view name) const {
  if (const HeaderId id = header_id_of(name); id != HeaderId::kOther) return header(id);
  for (const Header& header : headers_) {
    if (header.id == HeaderId::kOther && text::same(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Message::list(HeaderId id) const {
  std::vector<std::string_view> elements;
  for (const Header& header : headers_) {
    if (header.id != id) continue;
    text::for_each_in_list(header.value, [&](std::string_view element) { elements.push_back(element); });
  }
  return elements;
}

bool Message::lists(HeaderId id, std::string_view token) const {
  bool found = false;
  for (const Header& header : headers_) {
    if (header.id != id) continue;
    text::for_each_in_list(header.value,
                           [&](std::string_view element) { found = found || text::same(element, token); });
  }
  return found;
}

void Message::insert(std::size_t at, HeaderId id, std::string_view name, std::string_view value) {
  if (id == HeaderId::kContentLength) return;  // counted when written
  if (headers_.empty()) headers_.reserve(kUsualHeaders);
  Header header{id, id == HeaderId::kOther ? one_line(name) : std::string(name), one_line(value)};
  headers_.insert(headers_.begin() + static_cast<std::ptrdiff_t>(at), std::move(header));
  outdate(id);
}

void Message::add(HeaderId id, std::string_view value) { insert(headers_.size(), id, to_string(id), value); }

void Message::add(std::string_view name, std::string_view value) {
  insert(headers_.size(), header_id_of(name), name, value);
}

void Message::add_first(HeaderId id, std::string_view value) {
  const auto first = std::ranges::find(headers_, id, &Header::id);
  const auto at = first == headers_.end() ? headers_.begin() : first;
  insert(static_cast<std::size_t>(at - headers_.begin()), id, to_string(id), value);
}

void Message::set(HeaderId id, std::string_view value) {
  const std::string copy(value);  // may be a view of what is replaced
  const auto first = std::ranges::find(headers_, id, &Header::id);
  const auto at = static_cast<std::size_t>(first - headers_.begin());
  std::erase_if(headers_, [id](const Header& header) { return header.id == id; });
  insert(at, id, to_string(id), copy);
}

void Message::set(std::string_view name, std::string_view value) {
  if (const HeaderId id = header_id_of(name); id != HeaderId::kOther) return set(id, value);
  const std::string name_copy(name);
  const std::string copy(value);
  const auto matches = [&name_copy](const Header& header) {
    return header.id == HeaderId::kOther && text::same(header.name, name_copy);
  };
  const auto at = static_cast<std::size_t>(std::ranges::find_if(headers_, matches) - headers_.begin());
  std::erase_if(headers_, matches);
  insert(at, HeaderId::kOther, name_copy, copy);
}

void Message::remove(HeaderId id) {
  std::erase_if(headers_, [id](const Header& header) { return header.id == id; });
  outdate(id);
}

void Message::remove(std::string_view name) {
  if (const HeaderId id = header_id_of(name); id != HeaderId::kOther) return remove(id);
  std::erase_if(headers_, [name](const Header& header) {
    return header.id == HeaderId::kOther && text::same(header.name, name);
  });
}

void Message::remove_top_via() {
  const auto first = std::ranges::find(headers_, HeaderId::kVia, &Header::id);
  if (first == headers_.end()) return;
  headers_.erase(first);
  outdate(HeaderId::kVia);
}

void Message::set_top_via_parameter(std::string_view name, std::string_view value) {
  const auto first = std::ranges::find(headers_, HeaderId::kVia, &Header::id);
  if (first == headers_.end() || vias().empty()) return;
  Via& via = vias_.front();
  std::string rebuilt;
  for (std::size_t at = 0; at < via.parameters.size();) {
    const std::size_t end = text::find_outside(via.parameters, ';', at);
    const std::string_view parameter = text::trim(std::string_view(via.parameters).substr(at, end - at));
    if (!parameter.empty() && !text::same(text::trim(parameter.substr(0, parameter.find('='))), name)) {
      rebuilt.append(parameter).append(";");
    }
    at = end + 1;
  }
  rebuilt.append(one_line(name));
  if (!value.empty()) rebuilt.append("=").append(one_line(value));
  via.text.resize(std::min(via.text.find(';'), via.text.size()));
  via.text.append(";").append(rebuilt);
  via.parameters = std::move(rebuilt);
  first->value = via.text;
}

void Message::set_body(std::string_view content_type, std::string_view body) {
  if (body.empty()) {
    body_.clear();
    return remove(HeaderId::kContentType);
  }
  const std::string copy(body);
  set(HeaderId::kContentType, content_type);
  body_ = copy;
}

std::string_view Message::tag(HeaderId id, const NameAddr& view) const {
  return (stale_ & bit(id)) == 0 ? view.tag() : tag_of(header(id).value_or(std::string_view{}));
}

void Message::refresh(HeaderId id) const {
  stale_ &= static_cast<std::uint16_t>(~bit(id));
  const auto addresses = [this, id](std::vector<NameAddr>& into) {
    into.clear();
    for (const Header& header : headers_) {
      if (header.id == id) into.push_back(address_of(header.value));
    }
  };
  const std::string_view value = header(id).value_or(std::string_view{});
  switch (id) {
    case HeaderId::kFrom: from_ = address_of(value); break;
    case HeaderId::kTo: to_ = address_of(value); break;
    case HeaderId::kCallId: call_id_ = value; break;
    case HeaderId::kContact: addresses(contacts_); break;
    case HeaderId::kRoute: addresses(routes_); break;
    case HeaderId::kRecordRoute: addresses(record_routes_); break;
    case HeaderId::kMaxForwards: max_forwards_ = text::number(value, 255); break;
    case HeaderId::kCSeq: {
      const std::size_t space = std::min(value.find_first_of(" \t"), value.size());
      cseq_.number = text::number(value.substr(0, space), UINT32_MAX).value_or(0);
      cseq_.method_name = text::trim(value.substr(space));
      cseq_.method = method_of(cseq_.method_name);
      break;
    }
    case HeaderId::kVia: {
      vias_.clear();
      for (const Header& header : headers_) {
        if (header.id == HeaderId::kVia) vias_.push_back(Via::parse(header.value).value_or(Via{}));
      }
      break;
    }
    default: break;
  }
}

std::string Message::text() const {
  std::string out;
  append_to(out);
  return out;
}

void Message::append_to(std::string& out) const {
  std::size_t size = body_.size() + request_uri_.text.size() + reason_.size() + 64;
  for (const Header& header : headers_) size += header.name.size() + header.value.size() + 4;
  out.reserve(out.size() + size);
  if (is_request()) {
    out.append(method_name_).append(" ").append(request_uri_.text).append(" SIP/2.0\r\n");
  } else {
    out.append("SIP/2.0 ").append(std::to_string(status_)).append(" ").append(reason_).append("\r\n");
  }
  for (const Header& header : headers_) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  out.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n").append(body_);
}

}  // namespace isthmus::sip
