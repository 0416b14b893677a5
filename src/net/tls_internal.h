/* Between the files of TLS. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include "net/tls.h"

/* The own certificate chain and key, if the settings have any. 0, -EACCES (PIN), -EIO: logged why. */
int tls_use_certificate(SSL_CTX *ssl, const struct tls_settings *settings);
/* Whom to trust. 0, -EIO: logged why. */
int tls_use_roots(SSL_CTX *ssl, const struct tls_settings *settings);
/* The server is asked for the status of its certificate, and what it staples is judged. */
void tls_ask_for_status(SSL_CTX *ssl);

#endif
