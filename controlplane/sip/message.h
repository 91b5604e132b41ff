#pragma once

// A SIP message as a value: the headers in order as they came (or will go), and views of the ones that decide anything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/method.h"
#include "controlplane/sip/uri.h"

namespace isthmus::sip {

/// One header line, unfolded. Lists of Via, Route, Record-Route and Contact are one Header for each value.
struct Header {
  HeaderId id = HeaderId::kOther;
  std::string name;  ///< as received
  std::string value;
  bool operator==(const Header&) const = default;
};

struct CSeq {
  std::uint32_t number = 0;
  Method method = Method::kOther;
  std::string method_name;
  bool operator==(const CSeq&) const = default;
};

/// A value. Setters keep the views in step with the headers; control characters in what they are given become spaces,
/// so no value can start a header of its own. Values of ours must parse: a view of one that does not is empty.
/// Views of what setters wrote, and of addresses that were read, are filled when somebody asks for them (most of what
/// we send is only sent, of most of what comes only the tags count), so that looking at one message from two threads
/// needs a lock like changing it does.
class Message {
 public:
  Message() = default;

  static Message request(Method method, std::string_view request_uri);
  static Message request(std::string_view method_name, std::string_view request_uri);
  /// RFC 3261 8.2.6.2: Via, From, To, Call-ID, CSeq and (for 100) Timestamp of the request. `to_tag` is added to To
  /// unless To has a tag or it is empty. No reason: the usual phrase.
  static Message response(const Message& request, std::uint16_t status, std::string_view reason = {},
                          std::string_view to_tag = {});

  /// A request with only the headers that its responses need.
  static Message skeleton_of(const Message& request);

  bool is_request() const { return status_ == 0; }
  bool is_response() const { return status_ != 0; }

  /// Of a request; for a response the method of its CSeq.
  Method method() const { return is_request() ? method_ : cseq().method; }
  const std::string& method_name() const { return is_request() ? method_name_ : cseq().method_name; }
  const Uri& request_uri() const {
    if (is_uri_stale_) read_request_uri();
    return request_uri_;
  }
  void set_request_uri(std::string_view uri);

  std::uint16_t status() const { return status_; }  ///< 0 for a request
  const std::string& reason() const { return reason_; }

  const NameAddr& from() const { return fresh(HeaderId::kFrom, &Message::from_); }
  const NameAddr& to() const { return fresh(HeaderId::kTo, &Message::to_); }
  std::string_view from_tag() const { return tag(HeaderId::kFrom, from_); }
  std::string_view to_tag() const { return tag(HeaderId::kTo, to_); }
  const std::string& call_id() const { return fresh(HeaderId::kCallId, &Message::call_id_); }
  const CSeq& cseq() const { return fresh(HeaderId::kCSeq, &Message::cseq_); }
  const std::vector<Via>& vias() const { return fresh(HeaderId::kVia, &Message::vias_); }  ///< top first
  const std::vector<NameAddr>& contacts() const { return fresh(HeaderId::kContact, &Message::contacts_); }
  const std::vector<NameAddr>& routes() const { return fresh(HeaderId::kRoute, &Message::routes_); }
  const std::vector<NameAddr>& record_routes() const { return fresh(HeaderId::kRecordRoute, &Message::record_routes_); }
  std::optional<std::uint32_t> max_forwards() const { return fresh(HeaderId::kMaxForwards, &Message::max_forwards_); }

  /// Value of the first such header.
  std::optional<std::string_view> header(HeaderId id) const;
  std::optional<std::string_view> header(std::string_view name) const;
  bool has(HeaderId id) const { return header(id).has_value(); }
  /// All elements of a comma-separated header (Supported, Require, Allow, ...), over all its lines.
  std::vector<std::string_view> list(HeaderId id) const;
  /// True if list(id) has `token`, without case.
  bool lists(HeaderId id, std::string_view token) const;
  const std::vector<Header>& headers() const { return headers_; }

  void add(HeaderId id, std::string_view value);
  void add(std::string_view name, std::string_view value);
  /// Before all headers of the same id (Via, Route).
  void add_first(HeaderId id, std::string_view value);
  /// Replaces all headers of that name with one, at the place of the first.
  void set(HeaderId id, std::string_view value);
  void set(std::string_view name, std::string_view value);
  void remove(HeaderId id);
  void remove(std::string_view name);
  void remove_top_via();
  /// Adds or replaces a parameter of the top Via; without value "name" alone (RFC 3581, RFC 3261 18.2.1).
  void set_top_via_parameter(std::string_view name, std::string_view value);

  const std::string& body() const { return body_; }
  std::string_view content_type() const { return header(HeaderId::kContentType).value_or(std::string_view{}); }
  /// Sets Content-Type too; an empty body removes it.
  void set_body(std::string_view content_type, std::string_view body);

  /// As it goes on the wire. Content-Length is written last, from the body; never kept as a header.
  std::string text() const;
  void append_to(std::string& out) const;

  bool operator==(const Message& other) const;

 private:
  friend class MessageParser;
  void insert(std::size_t at, HeaderId id, std::string_view name, std::string_view value);
  static constexpr std::uint16_t bit(HeaderId id) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(id));
  }
  /// The view of these headers is to be read anew.
  void outdate(HeaderId id) {
    if (id <= HeaderId::kMaxForwards) stale_ |= bit(id);
  }
  template <typename View>
  const View& fresh(HeaderId id, View Message::* view) const {
    if ((stale_ & bit(id)) != 0) refresh(id);
    return this->*view;
  }
  /// Without reading the whole address: tags are asked for at every turn.
  std::string_view tag(HeaderId id, const NameAddr& view) const;
  void refresh(HeaderId id) const;
  void read_request_uri() const;

  Method method_ = Method::kOther;
  std::uint16_t status_ = 0;
  std::string method_name_;
  mutable Uri request_uri_;  ///< `text` is always there
  std::string reason_;
  std::vector<Header> headers_;
  std::string body_;

  mutable NameAddr from_;
  mutable NameAddr to_;
  mutable std::string call_id_;
  mutable CSeq cseq_;
  mutable std::vector<Via> vias_;
  mutable std::vector<NameAddr> contacts_;
  mutable std::vector<NameAddr> routes_;
  mutable std::vector<NameAddr> record_routes_;
  mutable std::optional<std::uint32_t> max_forwards_;
  mutable std::uint16_t stale_ = 0;  ///< a bit for each view above, by HeaderId
  mutable bool is_uri_stale_ = false;
};

/// "Ringing" for 180; "Unknown" where the RFCs have none.
std::string_view reason_phrase(std::uint16_t status);

}  // namespace isthmus::sip
