#pragma once

// A list of one-way streams through a relay, as text: one a line, "FROM TO VIA [CLOSED OPENED]": the sender's socket,
// the receiver's socket, the relay's address that the sender sends to, and where media is SRTP
// (AES_CM_128_HMAC_SHA1_80) master key and salt in hexadecimal of what is sent and of what is received. The set-up of
// each rival writes such a list; the generator and the judge read it.

#include <istream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/messages.h"

namespace isthmus::bench {

struct Flow {
  SocketAddress from;
  SocketAddress to;
  SocketAddress via;
  std::optional<contract::SrtpKey> closed;  ///< with it the sender closes
  std::optional<contract::SrtpKey> opened;  ///< with it the receiver opens
};

/// As a line of the list has it.
inline std::string to_word(const contract::SrtpKey& key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = key.suite == contract::SrtpSuite::kAesCm128HmacSha1_32 ? "32:" : "80:";
  for (const auto& part : {key.master_key.view(), key.master_salt.view()}) {
    for (const std::uint8_t octet : part) {
      text += kDigits[octet >> 4U];
      text += kDigits[octet & 15U];
    }
  }
  return text;
}

inline std::optional<contract::SrtpKey> key_from_word(const std::string& word) {
  if (!word.starts_with("32:") && !word.starts_with("80:")) return std::nullopt;
  const std::string text = word.substr(3);
  contract::SrtpKey key;
  if (word[0] == '3') key.suite = contract::SrtpSuite::kAesCm128HmacSha1_32;
  key.master_key = SecretBytes(contract::master_key_bytes(key.suite));
  key.master_salt = SecretBytes(contract::master_salt_bytes(key.suite));
  const std::size_t split = key.master_key.view().size();
  if (text.size() != 2 * (split + key.master_salt.view().size())) return std::nullopt;
  for (std::size_t i = 0; i < text.size() / 2; ++i) {
    std::size_t used = 0;
    const auto octet = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), &used, 16));
    if (used != 2) return std::nullopt;
    (i < split ? key.master_key.mutable_view()[i] : key.master_salt.mutable_view()[i - split]) = octet;
  }
  return key;
}

inline Result<std::vector<Flow>> read_flows(std::istream& in) {
  std::vector<Flow> flows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string from;
    std::string to;
    std::string via;
    std::string closed;
    std::string opened;
    words >> from >> to >> via >> closed >> opened;
    const auto a = SocketAddress::parse(from);
    const auto b = SocketAddress::parse(to);
    const auto c = SocketAddress::parse(via);
    Flow flow;
    if (!closed.empty()) {
      flow.closed = key_from_word(closed);
      flow.opened = key_from_word(opened);
    }
    if (!a || !b || !c || (!closed.empty() && (!flow.closed || !flow.opened)))
      return fail(ErrorKind::kMalformedInput,
                  "flow " + std::to_string(flows.size() + 1) + " is not FROM TO VIA [CLOSED OPENED]");
    flow.from = *a;
    flow.to = *b;
    flow.via = *c;
    flows.push_back(std::move(flow));
  }
  return flows;
}

}  // namespace isthmus::bench
