#pragma once

#include <string>

namespace isthmus::sipe_client {

/// Codecs of later streams, best first: "audio/PCMA=8,audio/SPEEX=-1" (with a payload type; -1 leaves a codec out).
/// Empty: the plug-in's own choice.
void choose_codecs(const std::string& codecs);

}  // namespace isthmus::sipe_client
