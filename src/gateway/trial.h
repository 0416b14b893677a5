/* Trials: a charger that is in no configuration yet is looked at live, as its station would see it. It is read only: nothing is ever written to
 * it, no setup, keepalive, limit, start or stop.
 *
 *     entry -> trial_config.h -> device_link_open() -> charger (whose writes are refused) -> points and signals
 *
 * A trial shares bus and node with running stations, by resources.h. It ends by itself when nobody has looked for TRIAL_IDLE_MS. */
#ifndef GATEWAY_TRIAL_H
#define GATEWAY_TRIAL_H

#include <jansson.h>

#include "gateway/gateway.h"

#define TRIALS_MAX    4
#define TRIAL_IDLE_MS 120000

struct trials;

/* NULL without memory. */
struct trials *trials_new(struct gateway *gateway);
/* Ends all. NULL is fine. */
void trials_free(struct trials *trials);

/* `entry` as of trial_config_read(). 0; else `problems` say why: -EINVAL, -EBUSY (TRIALS_MAX run), -ENOMEM, or -errno (it cannot be opened). */
int trials_start(struct trials *trials, const json_t *entry, uint32_t *ret_id, struct problems *problems);
/* {id, online, error (if it is not, and why is known), items: events of points and signals as device_json.h, offers: as profile_json.h}; new
 * reference. NULL: no such trial (any more), or no memory. */
json_t *trials_get(struct trials *trials, uint32_t id);
/* 0 or -ENOENT. */
int trials_end(struct trials *trials, uint32_t id);
/* Before a reload, whose stations may want the same lines and ports. */
void trials_end_all(struct trials *trials);

#endif
