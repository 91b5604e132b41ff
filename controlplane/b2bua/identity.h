#pragma once

// Who calls, as each side is told (R42, R43, R60): name-addr values are taken apart just enough to exchange a host.

#include <string>
#include <string_view>

#include "controlplane/b2bua/signal.h"
#include "dataplane/base/random.h"

namespace isthmus::b2bua {

/// `"Ann" <sip:ann@10.0.0.1:5060;x=y>;tag=1` -> display name and URI `sip:ann@10.0.0.1:5060;x=y`, views into the value.
struct NameAddress {
  std::string_view display;  ///< with its quotes; may be empty
  std::string_view uri;
};
NameAddress split_name_address(std::string_view value);

/// The value without header parameters (tag and the like): `"Ann" <sip:...>`.
std::string without_parameters(std::string_view value);

/// The From for another leg: `rule_domain` (R43) always takes the place of the host, `zone_domain` only where the host
/// is a numeric address or missing (R42). Empty domains change nothing.
std::string identity_for(std::string_view name_address, std::string_view zone_domain, std::string_view rule_domain);

/// The same for every P-Asserted-Identity, Remote-Party-ID and Diversion among `headers`.
void repair_identities(Headers& headers, std::string_view zone_domain, std::string_view rule_domain);

/// A Microsoft caller: the first sip URI of P-Asserted-Identity ("Ann"<sip:ann@contoso.test>,<tel:+43...>), else
/// `from`, without what only that side understands (GRUU, epid). The header in `headers` becomes that one value.
std::string asserted_caller(Headers& headers, std::string_view from);

/// Tags and Call-IDs: 2 * bytes hexadecimal digits from `random` (threat model B1: at least 64 bits).
std::string random_token(RandomSource& random, std::size_t bytes);

}  // namespace isthmus::b2bua
