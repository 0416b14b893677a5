/* The management side of the gateway: who may use it, the API on its port and on the Unix socket, what happens as a feed, what was.
 *
 *     management_new -> (stations) -> management_listen -> ... -> management_close -> (stations end) -> management_free */
#ifndef GATEWAY_MANAGEMENT_H
#define GATEWAY_MANAGEMENT_H

#include <jansson.h>

#include "manage/api.h"

struct gateway;
struct management;
struct probes;
struct profile_files;
struct scan_jobs;
struct trials;

/* Opens the Unix socket, too. 0 or -errno, logged. */
int management_new(struct gateway *gateway, struct management **ret);
/* Listens as the configuration says; after a reload anew if that changed, in a moment: what asked for the reload gets its answer before. What cannot be had is
 * logged and tried again. */
void management_listen(struct management *management);
/* Nobody is served any more. */
void management_close(struct management *management); /* NULL is fine */
void management_free(struct management *management);

/* A line each: METHOD PATTERN ROLE QUERY (api_print_routes()). */
void management_print_routes(struct buf *out);

/* Reloads, since a signal asked for it, and writes that into the audit log: who may send one is "local", as who may open the Unix socket. */
void management_reload_by_signal(struct gateway *gateway);

/* For handlers. */
struct feed *management_feed(const struct management *management);
struct probes *management_probes(const struct management *management);
struct scan_jobs *management_scans(const struct management *management);
struct trials *management_trials(const struct management *management);
struct profile_files *management_profiles(const struct management *management);
/* Scans and trials end: before a reload, whose stations may want the same lines and ports. */
void management_release_devices(struct management *management);
/* Someone looks at the points of the station for a while, without following. */
void management_look_at(struct management *management, const char *station);
/* PEM of the certificate in use, or NULL: it serves no TLS. */
const char *management_certificate(const struct management *management);
/* Takes this certificate from now on, and keeps it for the next start. 0; -EPERM (the configuration names one), -EINVAL (not readable, or the key is another's),
 * -ENOTCONN (it serves no TLS), -errno (cannot be written). */
int management_set_certificate(struct management *management, const char *cert, const char *key);

#endif
