/* Between the files of this driver: the bus (link, wire, turns) and its devices (what to ask, what an answer means).
 *
 *   charger -> device_write() -> queue -> bus_kick() -> device_begin() -> wire
 *   wire -> on_frame() -> device_on_answer() -> values, callbacks -> charger
 *
 * A bus has one request on the wire at a time; `active` is the device it belongs to. While news is delivered nothing is sent: what
 * callbacks queue leaves right after, in the same turn of the loop. */
#ifndef DRIVER_MODBUS_INTERNAL_H
#define DRIVER_MODBUS_INTERNAL_H

#include "base/list.h"
#include "driver/frames.h"
#include "driver/driver.h"
#include "driver/modbus/plan.h"

#define DEVICE_MAX_QUEUE       64 /* that many more for writes: reads keep no command from the device */
#define DEVICE_BACK_OFF_MS     1000
#define MODBUS_BACK_OFF_MAX_MS 60000

/* A write or read which the charger asked for. */
struct request {
    struct list link; /* in its device's writes or reads, or in the bus's `ended` */
    struct device *device;
    const struct point *point;
    device_done callback;
    void *ctx;
    bool is_write;
    uint16_t written; /* registers or bits so far, where they go one by one */
    int err;          /* once in `ended` */
    size_t len;
    uint8_t raw[];
};

enum job_kind { JOB_NONE, JOB_WRITE, JOB_READ, JOB_POLL, JOB_PROBE };

/* What a device has on the wire, or will try again at its next turn. */
struct job {
    enum job_kind kind;
    struct request *request;  /* WRITE, READ */
    struct plan_block *block; /* POLL */
    int attempts;             /* that failed */
    uint8_t bit;              /* a coil of several, written alone */
};

enum presence {
    PRESENCE_UNKNOWN, /* the link is new or not up yet: the first answer or time-out will tell */
    PRESENCE_ONLINE,
    PRESENCE_SILENT, /* or without a link: requests fail at once */
};

struct device {
    struct list link; /* in bus->devices; who was served last stands last */
    struct modbus_bus *bus;
    uint8_t unit;
    const struct point *points; /* the profile's */
    size_t point_count;
    struct modbus_options options;
    struct device_events events;
    void *ctx;

    struct plan plan;
    const struct point *probe; /* readable; for plans that poll nothing. NULL: none */
    struct list writes, reads;
    int queued;
    struct job job;

    enum presence presence;
    int silent_err;         /* why it is SILENT */
    bool told, told_online; /* what the charger heard last */
    bool doubted; /* a write or read got no answer: a poll decides whether the device is still there */
    int64_t not_before_ms; /* pause or back-off */
    int64_t back_off_ms;
    struct device_health health;
};

enum link_state { LINK_CLOSED, LINK_OPENING, LINK_OPEN };

struct modbus_bus {
    struct loop *loop;
    struct modbus_bus_settings settings;
    struct stream *stream;
    struct modbus_receiver receiver;
    struct list devices, ended;
    struct timer timer, ended_timer;
    struct bus_counters counters;
    struct frames frames; /* the last ones, for diagnostics */

    enum link_state link;
    int64_t reconnect_after_ms, reconnect_ms; /* first and next pause */

    struct device *active;
    struct modbus_request sent;
    uint8_t sent_unit;
    uint16_t transaction;
    int64_t deadline_ms;
    int64_t quiet_from_ms; /* end of the last exchange */
    int64_t silence_ms;
    bool delivering;
    int64_t noise_ms,
        late_ms; /* the last broken frame and late answer, so that each kind is logged once in a while */
};

static inline int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- bus.c ---- */

int64_t bus_now_ms(const struct modbus_bus *bus);
/* Sends the next request if the wire is free, else sees to it that this is done in time. */
void bus_kick(struct modbus_bus *bus);
/* The charger hears of the end soon: callbacks never come from inside a call. */
void bus_end_later(struct modbus_bus *bus, struct request *request, int err);
void bus_forget_device(struct modbus_bus *bus, struct device *device);

/* ---- device.c ---- */

enum urgency { URGENCY_WRITE, URGENCY_READ, URGENCY_POLL };

/* When the device wants its next turn (perhaps in the past), or -1. */
int64_t device_wants_ms(struct device *device, int64_t now_ms, enum urgency *ret);
/* Its turn: what to send. */
void device_begin(struct device *device, struct modbus_request *ret, uint8_t *ret_unit);
void device_on_answer(struct device *device, const struct modbus_response *response);
/* No answer, or one that makes no sense. */
void device_on_no_answer(struct device *device);
void device_on_link_up(struct device *device);
void device_on_link_lost(struct device *device, int err);

#endif
