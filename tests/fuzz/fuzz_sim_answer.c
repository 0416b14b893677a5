/* Whatever a peer sends: a simulated charger answers within its bounds and lives on. The first byte says which charger,
 * the rest is a Modbus PDU or an ECHONET Lite frame. */
#include <assert.h>

#include "sim/echonet_map.h"
#include "sim/modbus_map.h"

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 1000;
}

static void no_chance(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    memset(ret, 0x55, len);
}

static void on_write(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    assert(*name && *value);
}

static void answer_modbus(const struct modbus_map *map, struct model *m, const uint8_t *data, size_t size)
{
    struct modbus_device device = { map, m, on_write, NULL };
    uint8_t answer[MODBUS_MAX_PDU];
    struct modbus_response response;
    int len = modbus_answer(&device, data, size, answer);
    assert(len > 0 && len <= MODBUS_MAX_PDU);
    assert(modbus_decode_response(answer, (size_t)len, &response) == 0);
}

static void answer_echonet(const struct echonet_map *map, struct model *m, const uint8_t *data, size_t size)
{
    struct echonet_node node;
    struct echonet_frame request, reply;
    uint8_t answer[ECHONET_MAX_FRAME];
    bool multicast;
    echonet_node_init(&node, map, m, "fuzz");
    node.on_write = on_write;
    if (echonet_decode(data, size, &request) < 0)
        return;
    int len = echonet_reply(&node, &map->device, &request, answer, &multicast);
    assert(len <= (int)sizeof answer);
    assert(len <= 0 || echonet_decode(answer, (size_t)len, &reply) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct timers timers;
    timers_init(&timers);
    struct env env = { .now_ms = no_time, .wall_ms = no_time, .random = no_chance, .timers = &timers };
    struct model_settings settings = model_default_settings();
    struct model m;
    model_init(&m, &env, &settings, NULL, NULL);
    struct vehicle v = vehicle_default();
    (void)model_plug(&m, &v);
    if (data[0] % 4 < 2)
        answer_modbus(modbus_maps[data[0] % 4], &m, data + 1, size - 1);
    else
        answer_echonet(echonet_maps[data[0] % 4 - 2], &m, data + 1, size - 1);
    model_done(&m);
    return 0;
}
