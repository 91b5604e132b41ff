// pidgin-sipe, a Microsoft client of independent making, without a screen: takes orders on standard input, one a line,
// and reports on standard output, one JSON object a line.
#include <glib.h>
#include <gst/gst.h>
#include <purple.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/peers/sipe/call.h"
#include "tests/peers/sipe/codec_choice.h"
#include "tests/peers/sipe/media_elements.h"
#include "tests/peers/sipe/options.h"
#include "tests/peers/sipe/purple_ui.h"
#include "tests/peers/sipe/report.h"

namespace isthmus::sipe_client {
namespace {

constexpr const char* kOrders = R"(Orders: call URI audio|av; accept; reject; hangup; hold; resume; dtmf DIGIT;
picture PATH (keeps the next received picture); status; quit.)";

PurpleAccount* account = nullptr;

[[noreturn]] void leave() {
  report("end", {{"pictures", pictures()}});
  // libpurple's own way out waits for nothing either, and its plug-ins complain on it.
  std::fflush(nullptr);
  _exit(EXIT_SUCCESS);
}

void obey(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  std::string first;
  std::string second;
  words >> what >> first >> second;
  if (what == "quit") leave();
  bool done = true;
  if (what == "call" && !first.empty()) {
    call(account, first, second == "av");
  } else if (what == "picture" && !first.empty()) {
    keep_picture(first);
  } else if (what == "dtmf" && !first.empty()) {
    done = dial_digit(first.front());
  } else if (what == "status") {
    report("status", {{"in_call", static_cast<long>(in_call())}, {"pictures", pictures()}});
  } else {
    done = order(what);
  }
  if (!done) report("refused", {{"order", line}});
}

gboolean on_order(GIOChannel* channel, GIOCondition, gpointer) {
  gchar* line = nullptr;
  if (g_io_channel_read_line(channel, &line, nullptr, nullptr, nullptr) != G_IO_STATUS_NORMAL || line == nullptr)
    leave();
  obey(g_strstrip(line));
  g_free(line);
  return TRUE;
}

void on_signed_on(PurpleConnection*, gpointer) { report("signed_on"); }

void on_connection_error(PurpleConnection*, PurpleConnectionError kind, const gchar* words, gpointer) {
  report("connection_error", {{"kind", static_cast<long>(kind)}, {"text", text(words)}});
}

void sign_on(const Options& options) {
  // The plug-in wants sign-in address and account name, which are the same here.
  account = purple_account_new((options.user + ',' + options.user).c_str(), "prpl-sipe");
  purple_account_set_password(account, "not asked for");
  purple_account_set_string(account, "server", options.server.c_str());
  purple_account_set_string(account, "transport", options.transport.c_str());
  purple_account_set_string(account, "encryption-policy", options.encryption.c_str());
  purple_account_set_string(account, "useragent", options.user_agent.c_str());
  purple_account_set_bool(account, "dont-publish", TRUE);
  static int handle;
  purple_signal_connect(purple_connections_get_handle(), "signed-on", &handle, PURPLE_CALLBACK(on_signed_on), nullptr);
  purple_signal_connect(purple_connections_get_handle(), "connection-error", &handle,
                        PURPLE_CALLBACK(on_connection_error), nullptr);
  purple_accounts_add(account);
  purple_account_set_enabled(account, purple_core_get_ui(), TRUE);
  purple_savedstatus_activate(purple_savedstatus_new(nullptr, PURPLE_STATUS_AVAILABLE));
}

int run(const Options& options) {
  gst_init(nullptr, nullptr);
  purple_util_set_user_dir(options.home.c_str());
  purple_debug_set_enabled(options.debug ? TRUE : FALSE);
  set_purple_ui(options.accept_questions);
  if (purple_core_init("isthmus-sipe-client") == FALSE) {
    report("end", {{"error", "libpurple does not start"}});
    return EXIT_FAILURE;
  }
  purple_set_blist(purple_blist_new());
  if (!options.trusted.empty()) purple_certificate_add_ca_search_path(options.trusted.c_str());
  choose_codecs(options.codecs);
  follow_calls(options);
  set_media_elements(options);
  GIOChannel* orders = g_io_channel_unix_new(STDIN_FILENO);
  g_io_add_watch(orders, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), on_order, nullptr);
  sign_on(options);
  g_main_loop_run(g_main_loop_new(nullptr, FALSE));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace isthmus::sipe_client

int main(int argc, char** argv) {
  using namespace isthmus::sipe_client;
  Options options;
  CLI::App application{std::string("pidgin-sipe without a screen. ") + kOrders};
  application.add_option("--user", options.user, "address: left@ms.example.com")->required();
  application
      .add_option("--server", options.server, "HOST:PORT of the registrar; libnice finds no address of 127.0.0.1")
      ->required();
  application
      .add_option("--home", options.home, "folder for its state; a fresh one forgets certificates once accepted")
      ->required();
  application.add_option("--transport", options.transport, "tls or tcp")->check(CLI::IsMember({"tls", "tcp"}));
  application.add_option("--encryption", options.encryption)
      ->check(CLI::IsMember({"required", "optional", "disabled"}));
  application.add_option("--trusted", options.trusted, "folder with certificates of authorities (PEM)");
  application.add_option("--codecs", options.codecs, "preferred first, -1 leaves out: audio/PCMA=8,audio/SPEEX=-1");
  application.add_option("--film", options.film, "film to send (anything that ffmpeg reads); without: a test picture");
  application.add_option("--film-size", options.film_size, "of its frames");
  application.add_option("--frames-per-s", options.frames_per_s, "of the film");
  application.add_option("--tone-hz", options.tone_hz, "tone to send");
  application.add_option("--tone-rate", options.tone_samples_per_s,
                         "samples a second of the tone; 0: the codec's, and then sound starts late");
  application.add_option("--recording", options.recording, "received sound: S16LE, 8000 a second, mono");
  application.add_option("--user-agent", options.user_agent);
  application.add_option("--accept-ms", options.accept_ms, "accepts calls so much later; -1 never");
  application.add_flag("--accept-questions", options.accept_questions, "such as a certificate that is not trusted");
  application.add_flag("--debug", options.debug, "libpurple's words on standard output as well");
  CLI11_PARSE(application, argc, argv);
  return run(options);
}
