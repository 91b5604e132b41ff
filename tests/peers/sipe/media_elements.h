#pragma once

#include <string>

#include "tests/peers/sipe/options.h"

namespace isthmus::sipe_client {

/// Registers what is sent (a tone; the frames of a film, or a test picture) and where what is received goes (a file of
/// samples; the newest picture). After purple_core_init.
void set_media_elements(const Options& options);

/// The next received picture goes to path as YUV4MPEG2 of one frame; event "picture" once it is there.
void keep_picture(const std::string& path);

/// Pictures received so far, all calls together.
long pictures();

/// A new call: the next picture is reported as its first.
void expect_first_picture();

}  // namespace isthmus::sipe_client
