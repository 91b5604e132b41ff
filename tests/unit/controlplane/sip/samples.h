#pragma once

// Messages that tests start from.

#include <string>
#include <string_view>

namespace isthmus::sip::samples {

/// A line is "Name: value" without its CRLF; an empty one is left out.
inline std::string request(std::string_view start_line, std::string_view via, std::string_view cseq,
                           std::string_view more = {}, std::string_view body = {}) {
  std::string text(start_line);
  text.append("\r\nVia: ").append(via);
  text.append("\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@192.0.2.10>;tag=a1\r\nTo: <sip:bob@192.0.2.1>");
  text.append("\r\nCall-ID: call-1@192.0.2.10\r\nCSeq: ").append(cseq).append("\r\n");
  if (!more.empty()) text.append(more).append("\r\n");
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return text;
}

inline std::string invite(std::string_view via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc",
                          std::string_view more = "Contact: <sip:alice@192.0.2.10>", std::string_view body = {}) {
  return request("INVITE sip:bob@192.0.2.1 SIP/2.0", via, "1 INVITE", more, body);
}

}  // namespace isthmus::sip::samples
