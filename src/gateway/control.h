/* The control socket: one JSON object a line in, one a line out, for ocpp-cli.
 *
 *     {"command": "status"}                                          -> {"ok": true, "result": {...}}
 *     {"command": "reload"}                                          -> {"ok": false, "problems": ["..."]}
 *     {"command": "send", "station": S, "action": A, "payload": {}}  -> {"ok": true, "result": {...}}
 *     {"command": "limit", "station": S, ...}                        -> {"ok": true}        (limit_request.h)
 *     {"command": "log"}                                             -> {"line": "..."} ... until the client goes
 *     {"command": "watch"}                                           -> {"event": ...} ... until the client goes
 *
 * A client that does not read is cut off; none slows the gateway. */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

struct gateway;
struct control;

#define CONTROL_MAX_CLIENTS 16
#define CONTROL_MAX_LINE    (256u << 10)

/* Listens at `path` (mode 0660); an old socket no one listens on is replaced. 0 or -errno, logged. */
int control_new(struct gateway *gateway, const char *path, struct control **ret);
void control_free(struct control *control); /* NULL is fine */

#endif
