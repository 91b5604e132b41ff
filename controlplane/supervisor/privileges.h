#pragma once

// Users and capabilities of the planes.

#include <sys/types.h>

#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::supervisor {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(const User&) const = default;
};

/// kInvalidArgument with a sentence that says how to make the user.
Result<User> find_user(const std::string& name);
User current_user();

/// What the data plane keeps: raw sockets, XDP programs, pinned memory, thread priorities. The control plane keeps
/// nothing: its ports are above 1023.
std::vector<int> dataplane_capabilities();
/// Those of `wanted` that this process has to give.
std::vector<int> available_capabilities(const std::vector<int>& wanted);
std::string capability_names(const std::vector<int>& capabilities);

/// In a child before exec: drops the bounding set to `kept`, becomes `user` without further groups, and makes `kept`
/// ambient, so that the program has exactly these. Without CAP_SETPCAP (no root) there is nothing to drop or give.
/// Returns the name of the step that failed, with errno set, or nullptr.
const char* take_on(const User& user, const std::vector<int>& kept);

}  // namespace isthmus::supervisor
