#pragma once

namespace isthmus::sipe_client {

/// Gives libpurple glib's main loop and answers to its questions: accept presses the first button (a certificate that
/// is not trusted, an incoming share), otherwise the second. Without answers such a question would hang for ever.
void set_purple_ui(bool accept);

}  // namespace isthmus::sipe_client
