#pragma once

// A zone of the configuration as the media folder wants it.

#include "controlplane/b2bua/header_table.h"
#include "controlplane/config/control_plane.h"
#include "controlplane/media/policy.h"

namespace isthmus::b2bua {

/// The standards' for a zone that was removed.
Dialect dialect_of(const config::Zone* zone);

/// `zone` is null when it was removed while a call of it goes on: the defaults hold then.
media::LegSettings zone_settings(const config::ControlPlane& configuration, const config::Zone* zone, bool is_tls);

}  // namespace isthmus::b2bua
