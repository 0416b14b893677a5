/* Headers of the WebSocket handshake that libwebsockets leaves to us. Pure. */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include <stdbool.h>

#define BASIC_MAX 256 /* bytes of user, colon and password */

/* "Basic " and base64 of user:password (RFC 7617), the caller's to wipe and free. 0, -EINVAL (too long), -ENOMEM. */
int basic_encode(const char *user, const char *password, char **ret);
/* The reverse, in place: the results point into `header`. False if it is not that. */
bool basic_decode(char *header, const char **ret_user, const char **ret_password);
/* True if `name` is an element of the comma-separated list. */
bool list_has(const char *list, const char *name);

#endif
