/* Between the files of this driver: peers, devices and their properties. */
#ifndef DRIVER_ECHONET_INTERNAL_H
#define DRIVER_ECHONET_INTERNAL_H

#include "driver/echonet/engine.h"

#define NEVER_MS        INT64_MAX
#define MAX_QUEUE       64 /* that many more for writes: reads keep no command from the device */
#define MAX_BATCH       60
#define KEPT_TRIES      4
#define BACK_OFF_MS     2000
#define BACK_OFF_MAX_MS 60000
#define REGROW_MS       3600000 /* between two tries of a larger batch than the one learned */
#define MAX_TIMEOUT_MS  60000
#define VERIFY_MS       600000 /* is it still the same node? */

/* ---- engine ---- */

uint16_t engine_next_tid(struct engine *engine);
/* Somebody we know by its node id only is to be found: discovery begins, or is due sooner. */
void engine_seek(struct engine *engine);
/* Whether one more is allowed in this period. */
bool allowed(struct allowance *allowance, int64_t now_ms, int64_t period_ms, int max);

/* The object a point is in; the device's own unless it says otherwise. */
struct echonet_object point_object(const struct device *device, const struct point *point);

/* ---- peer: another node, known by its address. One request at a time, whatever the instance. ---- */

struct peer {
    struct list link; /* in its bucket */
    struct engine *engine;
    struct echonet_address address;
    struct list devices;   /* who was served last stands last */
    struct device *busy;   /* whose request is out */
    struct timer timer;    /* time-out of the request, else the next turn */
    int64_t not_before_ms; /* pause */
};

struct peer *peer_find(struct engine *engine, const struct echonet_address *address);
int peer_attach(struct engine *engine, const struct echonet_address *address, struct device *device);
/* Frees the peer with its last device. */
void peer_detach(struct device *device);
/* Something changed in what its devices want. */
void peer_wake(struct peer *peer);
/* The request of `device` is over. */
void peer_release(struct peer *peer, struct device *device);

/* ---- properties: what a device is asked for ---- */

enum property_kind {
    PROPERTY_NODE_ID, /* is the node at this address the one we want? */
    PROPERTY_GET_MAP,
    PROPERTY_SET_MAP,
    PROPERTY_INF_MAP,
    PROPERTY_INSTANCES,
    PROPERTY_POINTS,
};

struct property {
    struct echonet_object object;
    uint8_t epc;
    enum property_kind kind;
    uint8_t size;    /* exact EDT length, 0: any */
    bool unlisted;   /* not in the Get map of its object */
    bool seen;       /* it was answered with data since the device began */
    bool unanswered; /* the device stays silent when asked for it */
    bool urgent;     /* a read waits for it */
    bool complained; /* its wrong size was logged */
    bool announced;  /* in the device's INF map */
    uint32_t digest; /* of the latest EDT; 0: none */
    int64_t taken_ms;
    uint16_t first, count; /* of device->points */
    int64_t every_ms;      /* 0: once */
    int64_t due_ms;
    int64_t back_off_ms; /* instead of every_ms while it is refused or unanswered; 0: none */
};

struct property *properties_find(const struct device *device, struct echonet_object object, uint8_t epc);
/* Builds device->properties and device->points. 0 or -ENOMEM. */
int properties_init(struct device *device, const struct profile *profile);
void properties_done(struct device *device);
/* All are wanted now: the device is new, was restarted, or came back. */
void properties_renew(struct device *device, int64_t now_ms);
/* When the next is due; NEVER_MS. */
int64_t properties_due_ms(const struct device *device);
/* The most pressing one due now, or NULL. */
struct property *properties_next(struct device *device, int64_t now_ms);
/* Whether `p` may be asked for together with `lead`. */
bool property_goes_with(const struct property *p, const struct property *lead, int64_t now_ms);
/* An answer (`asked`) or announcement brought the EDT (pdc > 0). Tells the charger; returns whether it did. */
bool property_take(struct device *device, struct property *p, const struct echonet_entry *entry, bool asked);
/* The device has no value now: tells the charger. */
void property_refused(struct device *device, struct property *p, int64_t now_ms);
/* The device answers, but not to this. */
void property_unanswered(struct device *device, struct property *p, int64_t now_ms);
/* The device does not have it: it is not in the map, and was asked for in vain. Until the device begins anew. */
bool property_is_absent(const struct property *p);
/* It was answered (taken or discarded): when to ask again. */
void property_answered(const struct device *device, struct property *p, int64_t now_ms);
/* It was announced: not to be asked for before its interval is over. */
void property_announced(const struct device *device, struct property *p, int64_t now_ms);
/* The map `p` is known (NULL: it is not to be believed). */
void properties_set_map(struct device *device, const struct property *p, const struct property_map *map);
/* The object's Set map tells that the property cannot be set. */
bool properties_refuse_set(const struct device *device, struct echonet_object object, uint8_t epc);
/* The Set map of the object, as long as nobody knows it and it was not asked for in vain; NULL. */
struct property *properties_unknown_set_map(const struct device *device, struct echonet_object object);
struct property *properties_of_kind(const struct device *device, enum property_kind kind);

/* ---- what the charger asked for ---- */

struct pending {
    struct list link;
    const struct point *point;
    device_done callback;
    void *ctx;
    bool is_over; /* the callback is due */
    int err;
    struct property *property; /* of a read; of a write: to read it back, NULL if it cannot be read */
    /* writes only */
    struct echonet_object object;
    bool read_back; /* sent, not answered: what does the device have? */
    int attempts;
    uint16_t tids[KEPT_TRIES]; /* of its SetCs */
    uint8_t len;
    uint8_t raw[];
};

/* The first write in the queue, or NULL. */
struct pending *pending_write(const struct device *device);
/* The SetC of `write` was answered, or its value was read back (err 0), or it is given up. */
void pending_write_over(struct device *device, struct pending *write, int err);
/* Reads that waited for `p` are over; their callbacks come with pending_call(). */
void pending_reads_over(struct device *device, struct property *p, int err);
/* Writes that were queued before the Set map was known, and that it does not allow, are over. */
void pending_writes_refused(struct device *device);
/* All are over: the device is silent. */
void pending_fail(struct device *device, int err);
/* Calls back for all that are over. */
void pending_call(struct device *device);
void pending_init(struct device *device);
void pending_done(struct device *device);
int pending_add_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                      device_done callback, void *ctx);
int pending_add_read(struct device *device, const struct point *point, device_done callback, void *ctx);

/* ---- device ---- */

enum job { JOB_NONE, JOB_SET, JOB_READ_BACK, JOB_POLL, JOB_PROBE };
enum presence { PRESENCE_UNKNOWN, PRESENCE_ONLINE, PRESENCE_SILENT };
enum identity { IDENTITY_ANY, IDENTITY_UNVERIFIED, IDENTITY_VERIFIED, IDENTITY_WRONG };

/* A Get that was sent: late answers to older ones are welcome, too. */
struct
try {
    bool used;
    uint16_t tid;
    struct echonet_object object;
    struct property_map asked;
};

/* An object that points lie in: the device's own, or another one of the node. */
struct device_object {
    struct echonet_object object;
    bool is_written; /* by some point */
    bool set_known;  /* its Set map, which follows, was told and is to be believed */
    struct property_map set;
};

struct device {
    struct list link; /* in its peer's devices */
    struct list all;  /* in engine->devices */
    struct engine *engine;
    struct peer *peer; /* NULL: nobody knows where it is */
    struct echonet_object object;
    uint8_t node_id[NODE_ID_SIZE];
    enum identity identity;
    struct echonet_options options;
    struct device_events events;
    void *ctx;

    struct device_object *objects; /* its own first */
    size_t object_count;
    struct property *properties;
    size_t property_count;
    const struct point **points; /* sorted by property */
    const struct point **writable;
    size_t writable_count;
    int64_t epoch_ms;      /* polls are due at multiples of their interval from here */
    struct property *good; /* answered last: a probe that is fair; NULL */
    bool alone;            /* the node lists no other object */
    bool missed;           /* the node does not list the object, and it was said */

    struct list writes, reads, over; /* struct pending */
    int queued;
    struct timer over_timer;

    enum job job;
    struct try tries[KEPT_TRIES]; /* the latest first */
    struct property *suspect;     /* alone in a Get that was not answered */
    bool doubted;                 /* the next request decides whether the device is there */
    int silent_tries;             /* in a row */
    int64_t silent_since_ms;      /* when the first of them was sent */
    int64_t heard_ms;             /* last announcement */
    int unannounced;              /* changes that only a poll showed */
    size_t next_probe;            /* which property, while none is known to be good */

    enum presence presence;
    bool told, told_online; /* what the charger heard last */
    int64_t not_before_ms;  /* back-off while silent */
    int64_t back_off_ms;
    int64_t restarted_ms;
    int64_t verify_ms; /* before that nobody asks again who it is because of a list */

    /* Batches: `split` is tried in this round (all that is due), `limit` was learned. */
    int limit, split, best;
    bool round_split;
    int split_rounds;
    int64_t regrow_ms;
    struct device_health health;
};

static inline int64_t device_now_ms(const struct device *device)
{
    return env_now_ms(device->engine->env);
}

/* device.c: presence. */
void echonet_device_set_online(struct device *device);
void echonet_device_set_silent(struct device *device, int err);
void echonet_device_back_off(struct device *device);
/* All is asked again; no doubt is left. */
void echonet_device_begin_anew(struct device *device);
/* A round is everything that is due. */
void echonet_device_begin_round(struct device *device);
/* Sets `identity` by what the node says to be. */
void echonet_device_identify(struct device *device, const uint8_t *id, size_t len);

/* For the peer: when the device wants its turn, NEVER_MS if not at all. `*ret_pressing`: the charger waits. */
int64_t echonet_device_wants_ms(const struct device *device, bool *ret_pressing);
/* It is its turn: sends, and returns how long to wait for the answer. */
int64_t echonet_device_begin(struct device *device);
void echonet_device_on_timeout(struct device *device);

/* For the engine. Whether the answer belonged to a request of this device. */
bool echonet_device_on_answer(struct device *device, const struct echonet_frame *frame);
void echonet_device_on_announcement(struct device *device, const struct echonet_frame *frame);
/* Its node began anew: nothing known is valid. */
void echonet_device_on_restart(struct device *device);
/* Its node tells what objects it has: perhaps it is another node. */
void echonet_device_on_list(struct device *device);
/* Its node is alive: a silent device may be asked at once. */
void echonet_device_on_alive(struct device *device);
/* The node with this id is at `address`. */
void echonet_device_on_found(struct device *device, const struct echonet_address *address, const uint8_t *id,
                             size_t len);
/* A round of discovery is over. */
void echonet_device_on_searched(struct device *device);
bool echonet_device_is_sought(const struct device *device);

#endif
