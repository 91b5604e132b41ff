#include "controlplane/supervisor/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

namespace isthmus::supervisor {
namespace {

bool has(cap_value_t capability) {
  cap_t own = cap_get_proc();
  if (own == nullptr) return false;
  cap_flag_value_t value = CAP_CLEAR;
  const bool known = cap_get_flag(own, capability, CAP_PERMITTED, &value) == 0;
  cap_free(own);
  return known && value == CAP_SET;
}

/// Permitted, inheritable and effective become exactly `kept`.
bool set_capabilities(const std::vector<int>& kept) {
  cap_t wanted = cap_init();
  if (wanted == nullptr) return false;
  bool done = true;
  for (const cap_flag_t flag : {CAP_PERMITTED, CAP_INHERITABLE, CAP_EFFECTIVE}) {
    if (!kept.empty()) done &= cap_set_flag(wanted, flag, static_cast<int>(kept.size()), kept.data(), CAP_SET) == 0;
  }
  done = done && cap_set_proc(wanted) == 0;
  cap_free(wanted);
  return done;
}

}  // namespace

Result<User> find_user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) {
    return fail(ErrorKind::kInvalidArgument,
                "there is no user " + name +
                    "; make it with: useradd --system --no-create-home --shell /usr/sbin/nologin " + name +
                    " (or run with --same-user)",
                "user");
  }
  return User{entry->pw_uid, entry->pw_gid};
}

User current_user() { return {::geteuid(), ::getegid()}; }

std::vector<int> dataplane_capabilities() {
  return {CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_IPC_LOCK, CAP_SYS_NICE};
}

std::vector<int> available_capabilities(const std::vector<int>& wanted) {
  std::vector<int> available;
  std::ranges::copy_if(wanted, std::back_inserter(available), has);
  return available;
}

std::string capability_names(const std::vector<int>& capabilities) {
  std::string names;
  for (const int capability : capabilities) {
    char* name = cap_to_name(capability);
    if (!names.empty()) names += ' ';
    names += name == nullptr ? std::to_string(capability) : name;
    cap_free(name);
  }
  return names.empty() ? "none" : names;
}

const char* take_on(const User& user, const std::vector<int>& kept) {
  if (!has(CAP_SETPCAP)) return nullptr;
  for (cap_value_t capability = 0; cap_get_bound(capability) >= 0; ++capability) {
    if (std::ranges::find(kept, capability) == kept.end() && cap_drop_bound(capability) != 0) return "bounding set";
  }
  // Capabilities survive the change of user only with this flag; the next exec clears it.
  if (::prctl(PR_SET_KEEPCAPS, 1) != 0) return "keep capabilities";
  if (user != current_user()) {
    if (::setgroups(0, nullptr) != 0) return "groups";
    if (::setresgid(user.gid, user.gid, user.gid) != 0) return "group";
    if (::setresuid(user.uid, user.uid, user.uid) != 0) return "user";
  }
  if (!set_capabilities(kept)) return "capabilities";
  if (cap_reset_ambient() != 0) return "ambient capabilities";
  for (const int capability : kept) {
    if (cap_set_ambient(capability, CAP_SET) != 0) return "ambient capability";
  }
  return nullptr;
}

}  // namespace isthmus::supervisor
