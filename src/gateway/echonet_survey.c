/* Two parts, one timer: first it waits for nodes, then it asks their chargers, some at a time (echonet_survey.h). What a node answers is
 * put into its JSON at once; it is told when its last charger is done with. */
#include "gateway/echonet_survey.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/echonet_words.h"
#include "gateway/property_device.h"

#define PORT          3610
#define MAX_NODES     64
#define MAX_OBJECTS   32    /* of a node */
#define ASKED         4     /* properties of each charger: manufacturer and the three maps */
#define AT_ONCE       16    /* chargers are asked */
#define COME_MS       1000  /* for a charger to be heard; the driver learns the maps by itself */
#define ANSWER_MS     15000 /* for what it is asked besides */
#define ALL_ANSWER_MS 45000 /* and of all chargers */
#define MAX_TEXT      200

struct node {
    char host[64];
    uint8_t id[17];
    size_t id_len, object_count, left_out; /* left out: objects */
    struct echonet_object objects[MAX_OBJECTS];
    /* while chargers are asked */
    json_t *json;
    size_t open; /* chargers that are not done with */
    bool is_told;
};

enum stage { STAGE_FREE, STAGE_COMES, STAGE_ASKED };

/* What a charger is asked for: a device of the driver, with a profile made of these few points. Where it is in memory must not change. */
struct question {
    struct echonet_survey *survey;
    enum stage stage;
    int64_t until_ms; /* of the stage */
    struct node *node;
    struct echonet_object object;
    json_t *json; /* of that object; borrowed of the node's */
    struct device *device;
    struct point points[ASKED];
    struct profile profile;
    uint8_t data[ASKED][POINT_MAX_RAW];
    size_t len[ASKED];
    int waiting;
};

struct echonet_survey {
    const struct env *env;
    struct echonet_node *node;
    const struct echonet_survey_events *events;
    void *ctx;
    struct timer timer;
    struct node nodes[MAX_NODES];
    size_t node_count;
    char left_out[64]; /* host of a node for which there was no place */
    bool is_listening;
    int64_t end_ms;            /* of all asking */
    size_t at_node, at_object; /* the next to be asked, if it is a charger */
    size_t chargers, cut;      /* cut: there was no time left for them */
    struct question questions[AT_ONCE];
};

/* ---- nodes ---- */

static struct node *node_of(struct echonet_survey *s, const char *host)
{
    for (size_t i = 0; i < s->node_count; i++)
        if (str_equal(s->nodes[i].host, host))
            return &s->nodes[i];
    if (s->node_count == MAX_NODES)
        return NULL;
    struct node *node = &s->nodes[s->node_count++];
    (void)str_copy(node->host, sizeof(node->host), host);
    return node;
}

static void on_found(void *ctx, const struct echonet_found *found)
{
    struct echonet_survey *s = ctx;
    struct node *node = node_of(s, found->host);
    if (!node) {
        (void)str_copy(s->left_out, sizeof(s->left_out), found->host);
        return;
    }
    if (found->node_id && found->node_id_len <= sizeof(node->id)) {
        memcpy(node->id, found->node_id, found->node_id_len);
        node->id_len = found->node_id_len;
    }
    if (!found->instances)
        return;
    node->object_count = found->instance_count < MAX_OBJECTS ? found->instance_count : MAX_OBJECTS;
    node->left_out = found->instance_count - node->object_count;
    memcpy(node->objects, found->instances, node->object_count * sizeof(node->objects[0]));
}

/* ---- the question to one charger ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct question *q = ctx;
    q->len[point->index] = len < POINT_MAX_RAW ? len : POINT_MAX_RAW;
    memcpy(q->data[point->index], raw, q->len[point->index]);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    (void)point;
    (void)err;
}

static void on_batch(void *ctx)
{
    (void)ctx;
}

static void on_online(void *ctx, bool online, int err)
{
    (void)ctx;
    (void)online;
    (void)err;
}

/* The device must not be freed from here: the timer goes on. */
static void on_read(void *ctx, int err)
{
    struct question *q = ctx;
    (void)err;
    if (--q->waiting == 0)
        env_timer_start(q->survey->env, &q->survey->timer, 0);
}

static void make_profile(struct question *q, struct echonet_object object)
{
    static const uint8_t epcs[ASKED] = { 0x8A, 0x9D, 0x9E, 0x9F };
    for (uint16_t i = 0; i < ASKED; i++) {
        q->points[i] = property_point(object, epcs[i], ACCESS_R);
        q->points[i].index = i;
    }
    q->profile = (struct profile){ .protocol = PROTOCOL_ECHONET, .points = q->points, .point_count = ASKED };
    q->profile.echonet = property_options(object);
}

/* Without memory nothing is known of the charger but that it is there. */
static bool begin_question(struct question *q)
{
    static const struct device_events events = {
        .on_value = on_value, .on_no_value = on_no_value, .on_batch = on_batch, .on_online = on_online
    };
    struct echonet_target target = { .instance = q->object.instance };
    (void)str_copy(target.host, sizeof(target.host), q->node->host);
    make_profile(q, q->object);
    q->device = echonet_device_new(q->survey->node, &target, &q->profile, &q->profile.echonet, &events, q);
    q->stage = STAGE_COMES;
    q->until_ms = env_now_ms(q->survey->env) + COME_MS;
    return q->device != NULL;
}

static void ask_for_rest(struct question *q, int64_t now_ms)
{
    for (size_t i = 0; i < ASKED; i++)
        if (q->len[i] == 0 && echonet_device_ops.read(q->device, &q->points[i], on_read, q) == 0)
            q->waiting++;
    q->stage = STAGE_ASKED;
    q->until_ms = now_ms + ANSWER_MS;
}

/* ---- words ---- */

/* A row for each property: what can be done with it. */
static json_t *maps_json(const struct question *q)
{
    struct property_map inf = { 0 }, set = { 0 }, get = { 0 };
    json_t *list = json_array();
    (void)property_map_decode(q->data[1], q->len[1], &inf);
    (void)property_map_decode(q->data[2], q->len[2], &set);
    (void)property_map_decode(q->data[3], q->len[3], &get);
    for (int epc = 0x80; epc <= 0xFF; epc++) {
        bool gets = property_map_has(&get, (uint8_t)epc), sets = property_map_has(&set, (uint8_t)epc),
             tells = property_map_has(&inf, (uint8_t)epc);
        if (gets || sets || tells)
            (void)json_array_append_new(list, json_pack("{s:i, s:s, s:b, s:b, s:b}", "epc", epc, "name",
                                                        echonet_property_name(q->object, (uint8_t)epc), "get",
                                                        gets, "set", sets, "inf", tells));
    }
    return list;
}

/* Of a charger that was asked; `q` NULL: that was not. */
static void set_answers(json_t *object, const struct question *q, bool is_complete)
{
    char maker[2 * POINT_MAX_RAW + 1] = "";
    if (q)
        hex_encode(q->data[0], q->len[0], maker, sizeof(maker));
    (void)json_set_text(object, "manufacturer", maker);
    (void)json_set_optional(object, "complete", json_boolean(is_complete));
    (void)json_set_optional(object, "properties", q ? maps_json(q) : json_array());
}

static bool is_charger(struct echonet_object object)
{
    const struct echonet_class *class = echonet_class_of(object);
    return class && class->profile;
}

static json_t *object_json(struct echonet_object object)
{
    const struct echonet_class *class = echonet_class_of(object);
    json_t *json = json_pack("{s:s, s:i, s:i}", "class", class ? class->name : "", "code",
                             object.group << 8 | object.code, "instance", (int)object.instance);
    if (class && class->profile)
        (void)json_set_text(json, "profile", class->profile);
    return json;
}

static void say(const struct echonet_survey *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(const struct echonet_survey *s, const char *format, ...)
{
    char text[MAX_TEXT];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    s->events->on_message(s->ctx, text);
}

/* ---- its way ---- */

/* Everybody has been heard: what is known so far, and how much there is to ask. */
static void end_listening(struct echonet_survey *s)
{
    char id[2 * sizeof(s->nodes[0].id) + 1];
    s->is_listening = false;
    echonet_discover(s->node, NULL, NULL); /* what has been found stays as it is */
    for (size_t i = 0; i < s->node_count; i++) {
        struct node *node = &s->nodes[i];
        json_t *objects = json_array();
        hex_encode(node->id, node->id_len, id, sizeof(id));
        for (size_t k = 0; k < node->object_count; k++) {
            (void)json_array_append_new(objects, object_json(node->objects[k]));
            node->open += is_charger(node->objects[k]);
        }
        node->json = json_pack("{s:s, s:s, s:o*}", "host", node->host, "node_id", id, "objects", objects);
        s->chargers += node->open;
        if (node->left_out > 0)
            say(s, "%s has more than %d objects; the other %zu are left out", node->host, MAX_OBJECTS,
                node->left_out);
    }
    if (*s->left_out)
        say(s, "more than %d nodes answer; the others are left out, such as %s", MAX_NODES, s->left_out);
    s->end_ms = env_now_ms(s->env) + ALL_ANSWER_MS;
}

/* Its place is free for the next. */
static void end_question(struct question *q, bool is_complete)
{
    struct echonet_survey *s = q->survey;
    if (q->device)
        echonet_device_ops.free(q->device);
    q->device = NULL;
    q->stage = STAGE_FREE;
    q->node->open--;
    s->cut += !is_complete;
    set_answers(q->json, q, is_complete);
}

/* Whether there is one more. */
static bool find_charger(struct echonet_survey *s)
{
    for (; s->at_node < s->node_count; s->at_node++, s->at_object = 0)
        for (; s->at_object < s->nodes[s->at_node].object_count; s->at_object++)
            if (is_charger(s->nodes[s->at_node].objects[s->at_object]))
                return true;
    return false;
}

static void make_question(struct echonet_survey *s, struct question *q)
{
    struct node *node = &s->nodes[s->at_node];
    size_t k = s->at_object++;
    *q = (struct question){ .survey = s,
                            .node = node,
                            .object = node->objects[k],
                            .json = json_array_get(json_object_get(node->json, "objects"), k) };
}

/* What does not answer holds up the others no longer than it must. */
static void ask(struct echonet_survey *s, int64_t now_ms)
{
    for (size_t i = 0; i < AT_ONCE; i++) {
        struct question *q = &s->questions[i];
        if (q->stage == STAGE_COMES && now_ms >= q->until_ms)
            ask_for_rest(q, now_ms);
        if (q->stage == STAGE_ASKED && (q->waiting == 0 || now_ms >= q->until_ms))
            end_question(q, q->waiting == 0);
        while (q->stage == STAGE_FREE && find_charger(s)) {
            make_question(s, q);
            if (!begin_question(q))
                end_question(q, false);
        }
    }
}

/* No time is left. */
static void cut(struct echonet_survey *s)
{
    for (size_t i = 0; i < AT_ONCE; i++)
        if (s->questions[i].stage != STAGE_FREE)
            end_question(&s->questions[i], false);
    for (struct question *q = &s->questions[0]; find_charger(s);) {
        make_question(s, q);
        end_question(q, false);
    }
}

static void tell_nodes(struct echonet_survey *s)
{
    for (size_t i = 0; i < s->node_count; i++) {
        struct node *node = &s->nodes[i];
        if (node->is_told || node->open > 0)
            continue;
        node->is_told = true;
        if (node->json)
            s->events->on_node(s->ctx, STEAL(node->json));
    }
}

/* When there is something to do again; 0: never. */
static int64_t next_ms(const struct echonet_survey *s)
{
    int64_t at_ms = 0;
    for (size_t i = 0; i < AT_ONCE; i++) {
        const struct question *q = &s->questions[i];
        if (q->stage != STAGE_FREE && (at_ms == 0 || q->until_ms < at_ms))
            at_ms = q->until_ms;
    }
    return at_ms < s->end_ms ? at_ms : s->end_ms;
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct echonet_survey *s = ctx;
    int64_t now_ms = env_now_ms(s->env);
    (void)timer;
    if (s->is_listening)
        end_listening(s);
    if (now_ms < s->end_ms)
        ask(s, now_ms);
    else
        cut(s);
    tell_nodes(s);
    int64_t at_ms = next_ms(s);
    if (at_ms > 0) {
        timer_start_at(&s->timer, at_ms);
        return;
    }
    if (s->cut > 0)
        say(s,
            "%zu of %zu chargers were not asked for all: there are %d s for each, and %d s for all of them",
            s->cut, s->chargers, ANSWER_MS / 1000, ALL_ANSWER_MS / 1000);
    s->events->on_done(s->ctx);
}

struct echonet_survey *echonet_survey_new(const struct env *env, struct echonet_node *node, int64_t wait_ms,
                                          const struct echonet_survey_events *events, void *ctx)
{
    struct echonet_survey *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->env = env;
    s->node = node;
    s->events = events;
    s->ctx = ctx;
    s->is_listening = true;
    timer_init(&s->timer, env->timers, on_timer, s);
    env_timer_start(env, &s->timer, wait_ms);
    echonet_discover(node, on_found, s);
    return s;
}

void echonet_survey_free(struct echonet_survey *s)
{
    if (!s)
        return;
    if (s->is_listening)
        echonet_discover(s->node, NULL, NULL);
    timer_stop(&s->timer);
    for (size_t i = 0; i < AT_ONCE; i++)
        if (s->questions[i].device)
            echonet_device_ops.free(s->questions[i].device);
    for (size_t i = 0; i < s->node_count; i++)
        json_decref(s->nodes[i].json);
    free(s);
}

static void on_datagram(void *ctx, const struct sockaddr *from, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)from;
    (void)bytes;
    (void)len;
}

/* Bound to one address a node shares the port with others, and would take away what is for the gateway there: nobody else may have it. */
static int check_port_is_free(struct loop *loop, const char *address)
{
    struct udp_settings settings = { .port = PORT };
    struct udp *udp = NULL;
    (void)str_copy(settings.bind_address, sizeof(settings.bind_address), address);
    int r = udp_new(loop, &settings, on_datagram, NULL, &udp);
    udp_free(udp);
    return r;
}

int echonet_survey_node(struct loop *loop, const char *interface, bool ipv6, struct echonet_node **ret)
{
    struct in_addr address; /* an interface may have a dot, too: eth0.20 */
    bool is_address = inet_pton(AF_INET, interface, &address) == 1;
    struct echonet_settings settings = { .port = PORT, .node_id = { 0xFE, 0, 0, 0 } };
    (void)str_copy(settings.bind_address, sizeof(settings.bind_address), is_address ? interface : "0.0.0.0");
    (void)str_copy(settings.multicast_interface, sizeof(settings.multicast_interface), interface);
    (void)str_copy(settings.ipv6, sizeof(settings.ipv6), ipv6 ? "yes" : "no");
    for (size_t i = 4; i < sizeof(settings.node_id); i++)
        settings.node_id[i] = (uint8_t)env_random(&loop->env, 256);
    int r = check_port_is_free(loop, settings.bind_address);
    return r < 0 ? r : echonet_new(loop, &settings, ret);
}
