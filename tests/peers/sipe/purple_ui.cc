#include "tests/peers/sipe/purple_ui.h"

#include <glib.h>
#include <purple.h>

#include <cstdarg>

#include "tests/peers/sipe/report.h"

namespace isthmus::sipe_client {
namespace {

bool accept_questions = false;

struct Watch {
  PurpleInputFunction function;
  gpointer data;
};

gboolean on_input(GIOChannel* channel, GIOCondition condition, gpointer data) {
  const auto* watch = static_cast<const Watch*>(data);
  int happened = 0;
  if ((condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0) happened |= PURPLE_INPUT_READ;
  if ((condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)) != 0) happened |= PURPLE_INPUT_WRITE;
  watch->function(watch->data, g_io_channel_unix_get_fd(channel), static_cast<PurpleInputCondition>(happened));
  return TRUE;
}

void forget_watch(gpointer data) { delete static_cast<Watch*>(data); }

guint add_input(int descriptor, PurpleInputCondition wanted, PurpleInputFunction function, gpointer data) {
  int condition = 0;
  if ((wanted & PURPLE_INPUT_READ) != 0) condition |= G_IO_IN | G_IO_HUP | G_IO_ERR;
  if ((wanted & PURPLE_INPUT_WRITE) != 0) condition |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
  GIOChannel* channel = g_io_channel_unix_new(descriptor);
  const guint id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, static_cast<GIOCondition>(condition), on_input,
                                       new Watch{function, data}, forget_watch);
  g_io_channel_unref(channel);
  return id;
}

struct Press {
  PurpleRequestActionCb callback;
  gpointer data;
  int button;
};

gboolean press(gpointer data) {
  const auto* pressed = static_cast<const Press*>(data);
  if (pressed->callback != nullptr) pressed->callback(pressed->data, pressed->button);
  delete pressed;
  return FALSE;
}

void* ask(const char* title, const char* primary, const char*, int, PurpleAccount*, const char*, PurpleConversation*,
          void* user_data, size_t buttons, va_list arguments) {
  // A single button means "stop what goes on": that is never pressed.
  const int wanted = buttons < 2 ? -1 : (accept_questions ? 0 : 1);
  PurpleRequestActionCb callback = nullptr;
  std::string pressed;
  for (int button = 0; button < static_cast<int>(buttons); ++button) {
    const char* label = va_arg(arguments, const char*);
    auto* action = va_arg(arguments, PurpleRequestActionCb);
    if (button != wanted) continue;
    callback = action;
    pressed = text(label);
  }
  report("question", {{"title", text(title)}, {"text", text(primary)}, {"pressed", pressed}});
  if (callback != nullptr) g_idle_add(press, new Press{callback, user_data, wanted});
  static int handle;
  return &handle;
}

void close_request(PurpleRequestType, void*) {}

}  // namespace

void set_purple_ui(bool accept) {
  accept_questions = accept;
  static PurpleEventLoopUiOps loop{};
  loop.timeout_add = g_timeout_add;
  loop.timeout_remove = g_source_remove;
  loop.input_add = add_input;
  loop.input_remove = g_source_remove;
  loop.timeout_add_seconds = g_timeout_add_seconds;
  purple_eventloop_set_ui_ops(&loop);
  static PurpleRequestUiOps requests{};
  requests.request_action = ask;
  requests.close_request = close_request;
  purple_request_set_ui_ops(&requests);
  static PurpleCoreUiOps core{};
  purple_core_set_ui_ops(&core);
  static PurpleConnectionUiOps connections{};
  purple_connections_set_ui_ops(&connections);
}

}  // namespace isthmus::sipe_client
