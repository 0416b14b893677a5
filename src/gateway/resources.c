/* Shared resources, counted by their users. */
#include "gateway/resources.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/file.h"
#include "gateway/hash.h"

enum resource_kind { RESOURCE_BUS, RESOURCE_ENDPOINT, RESOURCE_ECHONET, RESOURCE_OCPP16 };

struct resource {
    struct list link;
    enum resource_kind kind;
    int users;
    char name[CONFIG_NAME_SIZE];
    char *fingerprint;
    union {
        struct modbus_bus *bus;
        struct endpoint *endpoint;
        struct echonet_node *echonet;
        struct ocpp16_server *ocpp16;
    } as;
};

void resources_init(struct resources *resources, struct loop *loop, struct websocket_context *websockets)
{
    resources->loop = loop;
    resources->websockets = websockets;
    list_init(&resources->list);
}

static struct resource *find(struct resources *resources, enum resource_kind kind, const char *name,
                             const char *fingerprint)
{
    LIST_FOREACH(link, next, &resources->list)
    {
        struct resource *r = LIST_ITEM(link, struct resource, link);
        if (r->kind == kind && str_equal(r->name, name) && str_equal(r->fingerprint, fingerprint)) {
            r->users++;
            return r;
        }
    }
    return NULL;
}

static struct resource *add(struct resources *resources, enum resource_kind kind, const char *name,
                            const char *fingerprint)
{
    struct resource *r = calloc(1, sizeof(*r));
    if (!r || !(r->fingerprint = strdup(fingerprint))) {
        free(r);
        return NULL;
    }
    r->kind = kind;
    r->users = 1;
    (void)str_copy(r->name, sizeof(r->name), name);
    list_append(&resources->list, &r->link);
    return r;
}

static void discard(struct resource *r)
{
    list_remove(&r->link);
    free(r->fingerprint);
    free(r);
}

int resource_bus(struct resources *resources, const struct bus_config *config, struct resource **ret)
{
    struct resource *r = find(resources, RESOURCE_BUS, config->name, config->fingerprint);
    if (!r) {
        r = add(resources, RESOURCE_BUS, config->name, config->fingerprint);
        if (!r)
            return -ENOMEM;
        r->as.bus = modbus_bus_new(resources->loop, &config->settings);
        if (!r->as.bus) {
            discard(r);
            return -ENOMEM;
        }
    }
    *ret = r;
    return 0;
}

int resource_endpoint(struct resources *resources, const struct endpoint_key *config, struct resource **ret)
{
    struct buf key;
    buf_init(&key, CONFIG_MAX_BYTES);
    buf_printf(&key, "%s %s %d %d %zu", config->url, config->ca_file ? config->ca_file : "",
               config->compression, config->allows_wildcards, config->max_message);
    const char *const texts[] = { config->roots_pem, config->certificate_pem, config->key, config->pin };
    hash_texts(&key, texts, ARRAY_SIZE(texts));
    int err = key.err;
    struct resource *r = err ? NULL : find(resources, RESOURCE_ENDPOINT, config->name, buf_string(&key));
    if (!r && err == 0) {
        struct client_endpoint_settings settings = {
            .url = config->url,
            .subprotocols = "ocpp2.0.1",
            .compression = config->compression,
            .tls = { .ca_file = config->ca_file,
                     .roots_pem = config->roots_pem,
                     .cert_pem = config->certificate_pem,
                     .key = config->key,
                     .pin = config->pin,
                     .allows_wildcards = config->allows_wildcards },
            .max_message = config->max_message,
        };
        r = add(resources, RESOURCE_ENDPOINT, config->name, buf_string(&key));
        err = r ? client_endpoint_new(resources->websockets, &settings, &r->as.endpoint) : -ENOMEM;
        if (err < 0) {
            log_error(LOG_GATEWAY, "CSMS connection cannot be set up: csms=%s error=\"%s\"", config->name,
                      err_text(err));
            if (r)
                discard(r);
        }
    }
    buf_done(&key);
    if (err == 0)
        *ret = r;
    return err;
}

/* Property 0x83 of our node where none is configured: unique to the machine, the same after each start, and no copy of the machine's id,
 * which is nobody's business. FE, maker code (FFFFFF: none), 13 bytes. */
static void make_node_id(uint8_t ret[17])
{
    static const uint8_t head[] = { 0xFE, 0xFF, 0xFF, 0xFF };
    unsigned char digest[EVP_MAX_MD_SIZE];
    AUTO_FREE char *id = NULL;
    size_t len = 0;
    unsigned size = 0;
    if (file_read("/etc/machine-id", 256, &id, &len) < 0 &&
        file_read("/proc/sys/kernel/random/boot_id", 256, &id, &len) < 0)
        return;
    struct buf text;
    buf_init(&text, 512);
    buf_printf(&text, "ocpp-gateway echonet node %s", id);
    if (EVP_Digest(text.data, text.len, digest, &size, EVP_sha256(), NULL) == 1) {
        memcpy(ret, head, sizeof(head));
        memcpy(ret + sizeof(head), digest, 17 - sizeof(head));
    }
    buf_done(&text);
}

int resource_echonet(struct resources *resources, const struct config *config, struct resource **ret)
{
    struct resource *r = find(resources, RESOURCE_ECHONET, "echonet", config->echonet_fingerprint);
    if (!r) {
        static const uint8_t none[17];
        struct echonet_settings settings = config->echonet;
        if (memcmp(settings.node_id, none, sizeof(none)) == 0)
            make_node_id(settings.node_id);
        r = add(resources, RESOURCE_ECHONET, "echonet", config->echonet_fingerprint);
        int err = r ? echonet_new(resources->loop, &settings, &r->as.echonet) : -ENOMEM;
        if (err < 0) {
            log_error(LOG_GATEWAY, "ECHONET Lite socket cannot be opened: bind=%s port=%u error=\"%s\"",
                      config->echonet.bind_address, config->echonet.port, err_text(err));
            if (r)
                discard(r);
            return err;
        }
    }
    *ret = r;
    return 0;
}

int resource_ocpp16(struct resources *resources, const struct config *config, struct resource **ret)
{
    struct resource *r = find(resources, RESOURCE_OCPP16, "ocpp16", config->ocpp16.fingerprint);
    if (!r) {
        r = add(resources, RESOURCE_OCPP16, "ocpp16", config->ocpp16.fingerprint);
        if (!r)
            return -ENOMEM;
        r->as.ocpp16 = ocpp16_server_new(resources->loop, resources->websockets, &config->ocpp16.settings);
        if (!r->as.ocpp16) {
            discard(r);
            return -ENOMEM;
        }
    }
    *ret = r;
    return 0;
}

struct resource *resource_hold_ocpp16(struct resources *resources, const struct config *config)
{
    return config->ocpp16.listen ? find(resources, RESOURCE_OCPP16, "ocpp16", config->ocpp16.fingerprint)
                                 : NULL;
}

struct resource *resource_hold_bus(struct resources *resources, const struct bus_config *config)
{
    return find(resources, RESOURCE_BUS, config->name, config->fingerprint);
}

struct resource *resource_hold_echonet(struct resources *resources, const struct config *config)
{
    return find(resources, RESOURCE_ECHONET, "echonet", config->echonet_fingerprint);
}

void resource_put(struct resource *r)
{
    if (!r || --r->users > 0)
        return;
    switch (r->kind) {
    case RESOURCE_BUS:
        modbus_bus_free(r->as.bus);
        break;
    case RESOURCE_ENDPOINT:
        endpoint_free(r->as.endpoint);
        break;
    case RESOURCE_ECHONET:
        echonet_free(r->as.echonet);
        break;
    case RESOURCE_OCPP16:
        ocpp16_server_free(r->as.ocpp16);
        break;
    }
    discard(r);
}

struct modbus_bus *resource_as_bus(const struct resource *r)
{
    return r->as.bus;
}

struct endpoint *resource_as_endpoint(const struct resource *r)
{
    return r->as.endpoint;
}

struct echonet_node *resource_as_echonet(const struct resource *r)
{
    return r->as.echonet;
}

struct ocpp16_server *resource_as_ocpp16(const struct resource *r)
{
    return r->as.ocpp16;
}

void resources_each_counter(const struct resources *resources,
                            void (*each)(void *ctx, const char *name, const struct bus_counters *counters),
                            void *ctx)
{
    LIST_FOREACH(link, next, (struct list *)&resources->list)
    {
        const struct resource *r = LIST_ITEM(link, struct resource, link);
        if (r->kind == RESOURCE_BUS)
            each(ctx, r->name, modbus_bus_counters(r->as.bus));
        else if (r->kind == RESOURCE_ECHONET)
            each(ctx, r->name, echonet_counters(r->as.echonet));
        else if (r->kind == RESOURCE_OCPP16)
            each(ctx, r->name, ocpp16_server_counters(r->as.ocpp16));
    }
}
