#pragma once

// What Microsoft peers say of failures beside the status: `ms-diagnostics: 1027;reason="...";source="fe.contoso.test"`
// ([MS-OCER] 2.2). Read for the log and, in plain words, for the other leg; written to Microsoft peers alone.

#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/b2bua/header_table.h"
#include "controlplane/b2bua/signal.h"
#include "controlplane/media/refusal.h"
#include "controlplane/sip/message.h"

namespace isthmus::b2bua {

inline constexpr std::size_t kMaxDiagnosisBytes = 200;  ///< of a reason that is kept

/// "1027 the reason"; empty: the message has none that can be read.
std::string read_diagnosis(const sip::Message& message);

/// For the other leg in its own words: Warning of a failure, Reason of BYE and CANCEL. A message that has such a header
/// already says more with it.
std::optional<Header> diagnosis_for_standards(const sip::Message& message, const std::string& diagnosis);

/// ms-client-diagnostics of ours.
Header client_diagnostics(const media::MicrosoftDiagnosis& diagnosis);

/// Media could not be connected (ICE). 22: both ends inside the network, the only place where we are.
inline constexpr media::MicrosoftDiagnosis kNoMediaConnectivity{
    22, "Call failed to establish due to a media connectivity failure when both endpoints are internal"};

/// Leaves what a leg of that dialect may be told: words of Microsoft's own go to no one else.
void keep_for(Dialect dialect, Headers& headers);

}  // namespace isthmus::b2bua
