#pragma once

// What each dialect says in its own way; private to this folder. What both say alike is in writing.cc. One file a
// dialect: wording_standards.cc, wording_microsoft.cc.

#include <vector>

#include "controlplane/media/call_media.h"

namespace isthmus::media {

/// A section to be completed, with all that may be said in it.
struct SectionContext {
  const CallMedia& media;
  sdp::MediaKind kind;
  Side far_side;
  const StreamLeg& near;  ///< The leg written on.
  const StreamLeg& far;   ///< The peer behind us, whose media this is.
  bool is_answer;
};

class Wording {
 public:
  Wording() = default;
  Wording(const Wording&) = delete;
  Wording& operator=(const Wording&) = delete;
  virtual ~Wording() = default;

  /// What our offer lists for what the far peer has, best first, under the numbers this dialect likes.
  virtual std::vector<sdp::PayloadFormat> offered_formats(sdp::MediaKind kind, const std::vector<LegFormat>& far,
                                                          Dialect far_dialect) const = 0;
  /// How our answer words `offered`, a format of the peer, for which the far peer has `far`. Numbers stay.
  virtual sdp::PayloadFormat answered_format(const sdp::PayloadFormat& offered, const sdp::PayloadFormat& far,
                                             Dialect far_dialect) const = 0;
  /// An answer lists one video codec only.
  virtual bool answers_one_video_codec() const = 0;
  /// Profile of our answer to an offer of `theirs`.
  virtual sdp::Protocol answered_protocol(sdp::Protocol theirs, bool secured) const = 0;
  /// Of the `count`th different description of ours on a leg, from 1.
  virtual std::string origin_version(std::uint64_t count) const = 0;
  virtual void complete_section(const SectionContext& context, sdp::MediaSection& section) const = 0;
  virtual void complete_description(const CallMedia& media, Side to, sdp::SessionDescription& description) const = 0;
};

const Wording& wording_of(Dialect dialect);

/// What any dialect does where the far peer has the same: an answer that left the parameters out accepted the offer's.
sdp::PayloadFormat answered_alike(const sdp::PayloadFormat& offered, const sdp::PayloadFormat& far);

// The two of them, for wording_of().
const Wording& standards_wording();
const Wording& microsoft_wording();

/// What the far peer takes and both zones allow, in bit/s; empty where nobody limits (R106).
std::optional<std::uint64_t> bandwidth_limit(const CallMedia& media, sdp::MediaKind kind, const StreamLeg& far);

}  // namespace isthmus::media
