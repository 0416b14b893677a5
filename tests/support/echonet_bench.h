/* The ECHONET engine in virtual time, with up to four nodes that answer and misbehave as told.
 *
 * What leaves the engine and what the charger hears is written down as text, a word each:
 *   asked: "Get:C7,DA " "SetC:DA=42 " ("!" before a request that went out while another was open at that node)
 *   heard: "online " "offline:2002 " "mode=42 " "mode!2001 " (no value, error) "done:0 "            batches are counted */
#ifndef TESTS_ECHONET_BENCH_H
#define TESTS_ECHONET_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "driver/echonet/engine.h"

#define EBENCH_NODES   4
#define EBENCH_DEVICES 4
#define EBENCH_FIRST   0x0A000002u /* 10.0.0.2: address of nodes[0] */

enum ebench_mute { ANSWERS, MUTE, MUTE_SET, DEAF_SET }; /* MUTE_SET executes what it does not answer */

struct ebench_property {
    uint8_t len;
    uint8_t edt[32];
    bool refused; /* SNA */
};

struct ebench_node {
    bool present;
    uint32_t address; /* 10.0.0.2 and so on; with `ipv6` fe80::10.0.0.2 on interface 3 */
    bool ipv6;
    uint8_t id[NODE_ID_SIZE];
    struct ebench_property properties[256];
    struct echonet_object second; /* another object of the node, group 0: none */
    struct ebench_property second_properties[256];
    uint8_t map[PROPERTY_MAP_MAX]; /* Get map of 02A101 */
    size_t map_len;
    /* how it misbehaves */
    enum ebench_mute mute;
    uint8_t mute_epc;       /* frames that name it are not answered */
    int drop_above, cut_to; /* frames with more entries are dropped, or answered so far; 0: no limit */
    int64_t delay_ms;       /* 0: 10 */
    bool foreign_tid;
    uint8_t esv; /* of every answer; 0: the right one */
    int open;    /* requests not answered yet */
};

struct ebench {
    struct env env;
    struct timers timers;
    int64_t now_ms;
    uint64_t random_state;
    struct engine engine;
    struct ebench_node nodes[EBENCH_NODES];
    struct {
        int64_t at_ms;
        struct echonet_address from;
        bool closes; /* the answer to a request */
        size_t len;
        uint8_t bytes[ECHONET_MAX_FRAME];
    } flying[64];
    size_t flying_count;
    struct point points[8];
    struct profile profile;
    struct echonet_options options;
    struct device *devices[EBENCH_DEVICES];
    struct ebench *self[EBENCH_DEVICES]; /* ctx of device i */
    char asked[16384], heard[16384], multicast[4096];
    size_t asked_len, heard_len, multicast_len;
    int batches;
    uint8_t last[ECHONET_MAX_FRAME]; /* the last datagram that was no request of a device */
    size_t last_len;
    size_t sent;
};

/* For cmocka: one node at 10.0.0.2 with object 02A101, a profile with points mode (DA), plug (C7), power (D3), low and
 * high (C8), tag (E6), look (CD, write only) and power_all (D3 again). No device yet. */
int ebench_setup(void **state);
int ebench_teardown(void **state);
/* By address (10.0.0.2) or by id (the node's; host NULL). */
struct device *ebench_device(struct ebench *b, int index, const char *host, const uint8_t *id,
                             uint8_t instance);
const struct point *ebench_point(struct ebench *b, const char *name);
void ebench_add_node(struct ebench *b, int index, uint32_t address);
void ebench_set_map(struct ebench_node *node, const uint8_t *epcs, size_t count);
void ebench_set(struct ebench_property *property, const char *hex);
void ebench_run(struct ebench *b, int64_t ms);
/* A datagram (hex) from `address`, at once. */
void ebench_receive(struct ebench *b, uint32_t address, const char *hex);
void ebench_receive_ipv6(struct ebench *b, uint32_t address, const char *hex);
int ebench_write(struct ebench *b, int index, const char *name, uint8_t value);
int ebench_read(struct ebench *b, int index, const char *name);
/* Forgets what was asked and heard. */
void ebench_clear(struct ebench *b);
/* How often `word` stands in `text`. */
int ebench_times(const char *text, const char *word);
#define ebench_asked(b, word) assert_true(ebench_times((b)->asked, word) > 0)
#define ebench_heard(b, word) assert_true(ebench_times((b)->heard, word) > 0)

#endif
