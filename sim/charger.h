/* A simulated charger: its name, the model behind it, what is wrong with its line, and what was written to it. */
#ifndef SIM_CHARGER_H
#define SIM_CHARGER_H

#include <netinet/in.h>

#include "base/list.h"
#include "sim/model.h"

#define CHARGER_NAME_SIZE 32
#define CHARGER_WRITES    32 /* remembered */

struct modbus_map;
struct echonet_map;

struct charger_write {
    int64_t wall_ms;
    char name[24], value[44];
};

struct charger;

/* How a line learns of its charger, and is put away with it. */
struct port_ops {
    void (*on_change)(struct charger *charger); /* of the model: not its measured values; may be NULL */
    void (*free)(struct charger *charger);
};

struct charger_events {
    void (*on_write)(void *ctx, const struct charger *charger, const char *name, const char *value);
    void (*on_change)(void *ctx, const struct charger *charger);
    void *ctx;
};

struct charger {
    struct list link; /* in the simulator's list */
    char name[CHARGER_NAME_SIZE];
    const char *map_name;
    const struct modbus_map *modbus;   /* or */
    const struct echonet_map *echonet; /* the other is NULL */
    int unit;                          /* Modbus */
    const struct env *env;
    struct model model;

    int64_t muted_until_ms; /* monotonic: neither hears nor speaks before */
    int64_t slow_ms;        /* each answer comes this late */
    int corrupt;            /* so many answers more are spoilt */

    struct charger_write writes[CHARGER_WRITES]; /* a ring */
    size_t write_count;                          /* ever */

    struct charger_events events;
    const struct port_ops *port_ops; /* NULL: no line yet */
    void *port;
};

/* env is borrowed. NULL without memory. */
struct charger *charger_new(const char *name, const struct env *env, const struct model_settings *settings,
                            const struct charger_events *events);
void charger_free(struct charger *charger);

/* Whether a request reaches it and an answer leaves it: it has power, and its line is whole. */
bool charger_is_reachable(const struct charger *charger);
/* The other side wrote: remembered and told. As modbus_written, ctx is the charger. */
void charger_wrote(void *ctx, const char *name, const char *value);

/* ---- answers, late and spoilt as was asked for ---- */

#define ANSWERS_MAX 64 /* waiting on one line; more are lost */

struct answers {
    const struct env *env;
    struct list waiting;
    size_t count;
    void (*send)(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len);
    void *ctx;
};

void answers_init(struct answers *answers, const struct env *env,
                  void (*send)(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len),
                  void *ctx);
void answers_done(struct answers *answers);
/* Sends now, or when the charger's slowness allows. `spoil` is the byte to turn while answers are to be spoilt;
 * `to` may be NULL and is copied. */
void answers_send(struct answers *answers, struct charger *charger, const struct sockaddr_in *to,
                  uint8_t *bytes, size_t len, size_t spoil);

#endif
