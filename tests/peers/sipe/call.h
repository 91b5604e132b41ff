#pragma once

#include <account.h>

#include <string>

#include "tests/peers/sipe/options.h"

namespace isthmus::sipe_client {

/// Follows calls of the account, reports their states and accepts incoming ones. After purple_core_init.
void follow_calls(const Options& options);

void call(PurpleAccount* account, const std::string& uri, bool with_video);

/// accept, reject, hangup, hold, resume; false without a call or with another word.
bool order(const std::string& what);

/// A key for 200 ms; false without a call.
bool dial_digit(char digit);

bool in_call();

}  // namespace isthmus::sipe_client
