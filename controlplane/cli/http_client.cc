#include "controlplane/cli/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>

namespace isthmus::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

tl::unexpected<Error> bad_url() { return fail(ErrorKind::kInvalidArgument, "should be http://host:port", "--url"); }

}  // namespace

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return bad_url();
  std::string_view authority = text.substr(kScheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.empty() || authority.find_first_of("/@?# \r\n") != std::string_view::npos) return bad_url();
  Url url;
  url.authority = authority;
  std::string_view host = authority;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view digits = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || url.port == 0) return bad_url();
    host = authority.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad_url();
  url.host = host;
  return url;
}

Result<Answer> send_request(const Url& url, std::string_view token, std::string_view method, std::string_view target,
                            std::chrono::milliseconds patience) {
  asio::io_context loop;
  asio::ip::tcp::resolver resolver(loop);
  error_code error;
  const auto endpoints = resolver.resolve(url.host, std::to_string(url.port), error);
  if (error) return fail(ErrorKind::kUnavailable, error.message());

  http::request<http::empty_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(http::field::host, url.authority);
  request.set(http::field::authorization, "Bearer " + std::string(token));
  request.keep_alive(false);
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxAnswerBytes);

  beast::tcp_stream stream(loop);
  beast::flat_buffer buffer;
  error_code outcome = asio::error::timed_out;
  stream.expires_after(patience);
  stream.async_connect(endpoints, [&](error_code failed, const auto&) {
    outcome = failed;
    if (failed) return;
    http::async_write(stream, request, [&](error_code write_failed, std::size_t) {
      outcome = write_failed;
      if (write_failed) return;
      http::async_read(stream, buffer, parser, [&](error_code read_failed, std::size_t) { outcome = read_failed; });
    });
  });
  loop.run();
  if (outcome) return fail(ErrorKind::kUnavailable, outcome.message());
  return Answer{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace isthmus::cli
