/* The certificate of the management server: the configuration's, or one that was put here, or one that the gateway makes of its own at the first start. */
#ifndef GATEWAY_MANAGEMENT_TLS_H
#define GATEWAY_MANAGEMENT_TLS_H

struct gateway;

/* PEM; both NULL: none. */
struct management_tls {
    char *cert, *key;
};

/* Loads or makes it (state directory: management.pem, management.key, mode 0600). 0 or -errno, logged. */
int management_tls_load(struct management_tls *tls, const struct gateway *gateway);
/* Keeps another one in place of our own. 0, -EINVAL (not readable, or not its key), -errno. */
int management_tls_replace(struct management_tls *tls, const struct gateway *gateway, const char *cert,
                           const char *key);
void management_tls_done(struct management_tls *tls);

#endif
