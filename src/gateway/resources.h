/* What several stations share: Modbus buses, CSMS endpoints, the ECHONET Lite node, the server for OCPP 1.6 chargers. Made at the first use, let go after the last.
 *
 * A resource is known by its fingerprint, so a reload that changes its settings makes a new one beside the old, whose users go
 * with it. */
#ifndef GATEWAY_RESOURCES_H
#define GATEWAY_RESOURCES_H

#include "base/list.h"
#include "driver/driver.h"
#include "gateway/config.h"
#include "net/websocket.h"

struct resource;

struct resources {
    struct loop *loop;
    struct websocket_context *websockets;
    struct list list;
};

void resources_init(struct resources *resources, struct loop *loop, struct websocket_context *websockets);

/* All that endpoints differ by. Borrowed. */
struct endpoint_key {
    const char *name, *url, *ca_file; /* ca_file NULL: the system's roots */
    /* As struct tls_settings; each NULL where it does not apply. */
    const char *roots_pem, *certificate_pem, *key, *pin;
    bool compression, allows_wildcards;
    size_t max_message;
};

/* Each returns 0 and a resource to be given back, or -errno (logged why). */
int resource_bus(struct resources *resources, const struct bus_config *config, struct resource **ret);
int resource_endpoint(struct resources *resources, const struct endpoint_key *config, struct resource **ret);
int resource_echonet(struct resources *resources, const struct config *config, struct resource **ret);
int resource_ocpp16(struct resources *resources, const struct config *config, struct resource **ret);
/* Each the same if it is there already, else NULL. Of OCPP 1.6: who has once listened keeps it: libwebsockets gives the address back only with its context. */
struct resource *resource_hold_ocpp16(struct resources *resources, const struct config *config);
struct resource *resource_hold_bus(struct resources *resources, const struct bus_config *config);
struct resource *resource_hold_echonet(struct resources *resources, const struct config *config);
void resource_put(struct resource *resource); /* NULL is fine */

struct modbus_bus *resource_as_bus(const struct resource *resource);
struct endpoint *resource_as_endpoint(const struct resource *resource);
struct echonet_node *resource_as_echonet(const struct resource *resource);
struct ocpp16_server *resource_as_ocpp16(const struct resource *resource);

/* Calls `each` for every bus, the ECHONET node and the OCPP 1.6 server, with name and counters. */
void resources_each_counter(const struct resources *resources,
                            void (*each)(void *ctx, const char *name, const struct bus_counters *counters),
                            void *ctx);

#endif
