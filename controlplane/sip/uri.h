#pragma once

// URIs and addresses as read from a message. `text` always holds the bytes as received; the other fields are views of
// its parts for decisions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus::sip {

/// RFC 3261 19.1; also tel (RFC 3966): the number is `user`, there is no host.
struct Uri {
  std::string text;
  std::string scheme;      ///< lower case: "sip", "sips", "tel", or whatever came
  std::string user;        ///< as received, escapes kept; without the password
  std::string host;        ///< as received; IPv6 with its brackets
  std::uint16_t port = 0;  ///< 0: none given
  std::string parameters;  ///< "transport=tcp;lr" as received, without the first semicolon
  std::string headers;     ///< after '?', without it

  /// The value of a parameter (empty for one without value), nothing if it is not there. Names without case.
  std::optional<std::string_view> parameter(std::string_view name) const;
  bool is_sip() const { return scheme == "sip" || scheme == "sips"; }
  bool empty() const { return text.empty(); }

  static Result<Uri> parse(std::string_view text);

  bool operator==(const Uri&) const = default;
};

/// The value of From, To, Contact, Route, Record-Route, P-Asserted-Identity: RFC 3261 20.10.
struct NameAddr {
  std::string text;          ///< the whole value, bytes as received
  std::string display_name;  ///< as received, with its quotes
  Uri uri;
  std::string parameters;  ///< of the header ("tag=x;q=0.5"), without the first semicolon
  bool is_star = false;    ///< "Contact: *"

  std::optional<std::string_view> parameter(std::string_view name) const;
  std::string_view tag() const { return parameter("tag").value_or(std::string_view{}); }
  /// `text` without its tag parameter; everything else untouched.
  std::string text_without_tag() const;
  bool empty() const { return text.empty(); }

  static Result<NameAddr> parse(std::string_view text);

  bool operator==(const NameAddr&) const = default;
};

/// One value of Via (RFC 3261 20.42).
struct Via {
  std::string text;        ///< the whole value, bytes as received
  std::string transport;   ///< "UDP", "TCP", "TLS" in upper case, whatever case came
  std::string host;        ///< sent-by; IPv6 with its brackets
  std::uint16_t port = 0;  ///< 0: none given
  std::string parameters;  ///< without the first semicolon

  std::optional<std::string_view> parameter(std::string_view name) const;
  /// Empty for peers that send none (RFC 2543; pidgin-sipe does).
  std::string_view branch() const { return parameter("branch").value_or(std::string_view{}); }
  /// True if `branch` promises to be unique (RFC 3261 8.1.1.7).
  bool has_rfc3261_branch() const;

  static Result<Via> parse(std::string_view text);

  bool operator==(const Via&) const = default;
};

/// One parameter of a list "a=1;b;c="x;y"", names without case, quotes kept in the value.
std::optional<std::string_view> find_parameter(std::string_view parameters, std::string_view name);

}  // namespace isthmus::sip
