#include "tests/peers/sipe/call.h"

#include <media.h>
#include <mediamanager.h>
#include <purple.h>

#include <array>
#include <map>

#include "tests/peers/sipe/media_elements.h"
#include "tests/peers/sipe/report.h"

namespace isthmus::sipe_client {
namespace {

PurpleMedia* current = nullptr;
bool connected = false;
int accept_after_ms = -1;

gboolean accept(gpointer media) {
  if (media == current) purple_media_stream_info(current, PURPLE_MEDIA_INFO_ACCEPT, nullptr, nullptr, TRUE);
  return FALSE;
}

void on_state(PurpleMedia* media, PurpleMediaState state, gchar* session, gchar* who, gpointer) {
  static constexpr std::array kNames{"new", "connected", "end"};
  report("call", {{"state", kNames.at(state)}, {"session", text(session)}});
  const bool of_stream = session != nullptr && who != nullptr;
  if (state == PURPLE_MEDIA_STATE_CONNECTED) connected = true;
  if (state == PURPLE_MEDIA_STATE_NEW && of_stream) {
    // A stream that joins in mid-call rings again.
    if (connected && accept_after_ms >= 0) g_timeout_add(static_cast<guint>(accept_after_ms), accept, media);
    // Without a window libpurple ends received video in a sink of its own and never asks for ours. Any number is one.
    if ((purple_media_get_session_type(media, session) & PURPLE_MEDIA_VIDEO) != 0) {
      purple_media_set_output_window(media, session, who, 1);
    }
  }
  if (state == PURPLE_MEDIA_STATE_END && session == nullptr && who == nullptr && media == current) {
    current = nullptr;
    connected = false;
  }
}

void on_info(PurpleMedia*, PurpleMediaInfoType what, gchar* session, gchar*, gboolean local, gpointer) {
  static constexpr std::array kNames{"hangup", "accept",  "reject", "mute",  "unmute",
                                     "pause",  "unpause", "hold",   "unhold"};
  report("info", {{"what", kNames.at(what)}, {"session", text(session)}, {"local", static_cast<long>(local)}});
}

void on_error(PurpleMedia*, const gchar* words, gpointer) { report("media_error", {{"text", text(words)}}); }

gboolean on_media(PurpleMediaManager*, PurpleMedia* media, PurpleAccount*, gchar* who, gpointer) {
  const bool calling = purple_media_is_initiator(media, nullptr, nullptr) != FALSE;
  report("call", {{"state", "begin"}, {"who", text(who)}, {"calling", static_cast<long>(calling)}});
  current = media;
  connected = false;
  expect_first_picture();
  g_signal_connect(media, "state-changed", G_CALLBACK(on_state), nullptr);
  g_signal_connect(media, "stream-info", G_CALLBACK(on_info), nullptr);
  g_signal_connect(media, "error", G_CALLBACK(on_error), nullptr);
  if (!calling && accept_after_ms >= 0) g_timeout_add(static_cast<guint>(accept_after_ms), accept, media);
  return TRUE;
}

}  // namespace

void follow_calls(const Options& options) {
  accept_after_ms = options.accept_ms;
  PurpleMediaManager* calls = purple_media_manager_get();
  constexpr int kAbilities = PURPLE_MEDIA_CAPS_AUDIO | PURPLE_MEDIA_CAPS_AUDIO_SINGLE_DIRECTION |
                             PURPLE_MEDIA_CAPS_VIDEO | PURPLE_MEDIA_CAPS_VIDEO_SINGLE_DIRECTION |
                             PURPLE_MEDIA_CAPS_AUDIO_VIDEO | PURPLE_MEDIA_CAPS_MODIFY_SESSION;
  purple_media_manager_set_ui_caps(calls, static_cast<PurpleMediaCaps>(kAbilities));
  g_signal_connect(calls, "init-media", G_CALLBACK(on_media), nullptr);
}

void call(PurpleAccount* account, const std::string& uri, bool with_video) {
  const int kinds = PURPLE_MEDIA_AUDIO | (with_video ? PURPLE_MEDIA_VIDEO : 0);
  const gboolean begun = purple_prpl_initiate_media(account, uri.c_str(), static_cast<PurpleMediaSessionType>(kinds));
  report("calling", {{"uri", uri}, {"begun", static_cast<long>(begun)}});
}

bool order(const std::string& what) {
  static const std::map<std::string, PurpleMediaInfoType> kOrders{{"accept", PURPLE_MEDIA_INFO_ACCEPT},
                                                                  {"reject", PURPLE_MEDIA_INFO_REJECT},
                                                                  {"hangup", PURPLE_MEDIA_INFO_HANGUP},
                                                                  {"hold", PURPLE_MEDIA_INFO_HOLD},
                                                                  {"resume", PURPLE_MEDIA_INFO_UNHOLD}};
  const auto found = kOrders.find(what);
  if (current == nullptr || found == kOrders.end()) return false;
  purple_media_stream_info(current, found->second, nullptr, nullptr, TRUE);
  return true;
}

bool dial_digit(char digit) {
  constexpr int kVolume = 10;
  constexpr int kDurationMs = 200;
  return current != nullptr && purple_media_send_dtmf(current, "audio", digit, kVolume, kDurationMs) != FALSE;
}

bool in_call() { return current != nullptr; }

}  // namespace isthmus::sipe_client
