// Candidate attribute values of any bytes: what is taken is written and taken again the same, in both dialects.

#include <cstdlib>

#include "controlplane/sdp/candidate.h"
#include "controlplane/sdp/limits.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

std::string value_of(const std::string& attribute) { return attribute.substr(attribute.find(':') + 1); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::sdp;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto candidate = parse_candidate(text);
  if (candidate) {
    require(!is_legacy_candidate(text));
    for (const Dialect dialect : {Dialect::kStandards, Dialect::kMicrosoft}) {
      require(parse_candidate(value_of(candidate_attribute(*candidate, dialect))) == candidate);
    }
  }
  if (const auto remote = parse_remote_candidates(text)) {
    require(!remote->empty() && remote->size() <= kMaxRemoteCandidates);
    require(parse_remote_candidates(remote_candidates_value(*remote)) == remote);
  }
  return 0;
}
