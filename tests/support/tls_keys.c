/* Preloaded into an endpoint that uses OpenSSL: its TLS secrets go into the file that SSLKEYLOGFILE names, so that a capture
   of its signalling can be read. Compiled by tls_keys.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

static void log_line(const SSL *ssl, const char *line) {
  (void)ssl;
  const char *path = getenv("SSLKEYLOGFILE");
  FILE *file = path == NULL ? NULL : fopen(path, "a");
  if (file == NULL) return;
  fprintf(file, "%s\n", line);
  fclose(file);
}

SSL *SSL_new(SSL_CTX *context) {
  SSL *(*original)(SSL_CTX *) = (SSL * (*)(SSL_CTX *)) dlsym(RTLD_NEXT, "SSL_new");
  SSL_CTX_set_keylog_callback(context, log_line);
  return original(context);
}
