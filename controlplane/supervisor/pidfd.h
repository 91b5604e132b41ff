#pragma once

// <sys/pidfd.h> of glibc 2.36 (Debian 12) forgot to say that its functions are C.

#include <signal.h>

extern "C" {
#include <sys/pidfd.h>
}
