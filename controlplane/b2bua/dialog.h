#pragma once

// One leg's dialog (RFC 3261 12) as a value. Bytes of the peer (Route set, remote target) are kept as received and only
// ever sent back to that peer.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/b2bua/signal.h"

namespace isthmus::b2bua {

/// On recovery the local CSeq goes up by this much, so that requests sent after the last journal record are not
/// repeated (RFC 3261 12.2.1.1 allows gaps).
inline constexpr std::uint32_t kRecoveryCseqStep = 64;

struct Dialog {
  std::string call_id;
  std::string local_tag;
  std::string remote_tag;              ///< empty until the peer gave one
  std::string local_name;              ///< From or To value of ours without the tag: `"Name" <sip:...>`
  std::string remote_name;             ///< the peer's
  std::string remote_target;           ///< Contact URI of the peer; before that the request URI
  std::vector<std::string> route_set;  ///< in the order to send
  std::uint32_t local_cseq = 0;        ///< last one sent
  std::uint32_t remote_cseq = 0;       ///< last one received
  bool initiated = false;              ///< we sent the request that made it, so the Call-ID is ours

  bool is_confirmed() const { return !remote_tag.empty(); }

  /// As UAC, from a response that makes the dialog: the Record-Route list is turned round (RFC 3261 12.1.2).
  void establish_from(const Response& response);
  /// As UAS, from the request that makes it: in the order received (RFC 3261 12.1.1).
  void establish_from(const Request& request);
  /// Target refresh (RFC 3261 12.2): INVITE and UPDATE requests and their 2xx.
  void refresh_target(const Signal& signal);

  bool operator==(const Dialog&) const = default;
};

}  // namespace isthmus::b2bua
