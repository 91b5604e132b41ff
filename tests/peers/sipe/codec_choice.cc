#include "tests/peers/sipe/codec_choice.h"

#include <dlfcn.h>
#include <glib.h>

namespace isthmus::sipe_client {
namespace {

std::string chosen;  // lines of farstream's preferences, ahead of the plug-in's

}  // namespace

void choose_codecs(const std::string& codecs) {
  chosen.clear();
  for (std::size_t at = 0; at < codecs.size();) {
    const std::size_t end = std::min(codecs.find(',', at), codecs.size());
    const std::string one = codecs.substr(at, end - at);
    const std::size_t equals = one.find('=');
    chosen += '[' + one.substr(0, equals) + "]\n";
    if (equals != std::string::npos) chosen += "id=" + one.substr(equals + 1) + '\n';
    chosen += '\n';
    at = end + 1;
  }
}

}  // namespace isthmus::sipe_client

// The plug-in writes farstream's fs-codec.conf anew before each stream, so a file made beforehand would not last. This
// takes the place of glib's function and puts our lines first (the program exports its symbols).
extern "C" gboolean g_file_set_contents(const gchar* filename, const gchar* contents, gssize length, GError** error) {
  using Original = gboolean (*)(const gchar*, const gchar*, gssize, GError**);
  static const auto original = reinterpret_cast<Original>(dlsym(RTLD_NEXT, "g_file_set_contents"));
  if (isthmus::sipe_client::chosen.empty() || g_str_has_suffix(filename, "fs-codec.conf") == FALSE) {
    return original(filename, contents, length, error);
  }
  const std::string both =
      isthmus::sipe_client::chosen +
      (length < 0 ? std::string(contents) : std::string(contents, static_cast<std::size_t>(length)));
  return original(filename, both.data(), static_cast<gssize>(both.size()), error);
}
