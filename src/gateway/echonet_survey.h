/* A look at all ECHONET Lite nodes of a network: who answers, with which objects, and what can be done with the properties of chargers among
 * them. Only asks, by a node that may be the gateway's own.
 *
 *     everybody is asked -> (wait) -> of each node, each charger: manufacturer and property maps -> on_node -> ... -> on_done
 *
 * At most 64 nodes with 32 objects each. Chargers are asked 16 at a time, each for 16 s, all together for 45 s. */
#ifndef GATEWAY_ECHONET_SURVEY_H
#define GATEWAY_ECHONET_SURVEY_H

#include <jansson.h>

#include "driver/driver.h"

#define ECHONET_SURVEY_WAIT_MS     5000   /* what is usual */
#define ECHONET_SURVEY_MAX_WAIT_MS 120000 /* what anyone may ask for */

struct echonet_survey;
struct echonet_survey_events {
    /* {host, node_id, objects: [{class, code, instance}, of chargers also manufacturer, profile, complete, properties: [{epc, name, get, set,
     * inf}]]}, once all of its chargers are done with; takes the reference. Not complete: there was no time to ask for all. */
    void (*on_node)(void *ctx, json_t *node);
    /* What was left out. */
    void (*on_message)(void *ctx, const char *text);
    /* All were told; may free the survey. */
    void (*on_done)(void *ctx);
};

/* `node` is borrowed until the end, and tells nobody else of what it discovers meanwhile. Callbacks never come from inside. NULL without memory. */
struct echonet_survey *echonet_survey_new(const struct env *env, struct echonet_node *node, int64_t wait_ms,
                                          const struct echonet_survey_events *events, void *ctx);
/* Also before its end; before the node. */
void echonet_survey_free(struct echonet_survey *survey);

/* A node of its own where nobody else has one: `interface` is the name or IPv4 address of the interface to look at, "": all. As
 * echonet_new(); -EADDRINUSE also where another socket shares the port with it. */
int echonet_survey_node(struct loop *loop, const char *interface, bool ipv6, struct echonet_node **ret);

#endif
