/* Between the files of this driver: the bus (link, wire, turns), its devices (what to ask, what an answer means) and what is asked besides.
 *
 *   charger -> device_write() -> queue -> bus_kick() -> device_begin() -> wire
 *   wire -> on_frame() -> device_on_answer() -> values, callbacks -> charger
 *
 * A bus has one request on the wire at a time; `active` is the device it belongs to, or `asked` what was asked besides. While news is delivered nothing is sent: what
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
#define ASK_MAX                64 /* requests besides the devices that wait */
#define ASK_TIMEOUT_MS         1000

/* A write or read which the charger asked for. */
struct request {
    struct list link; /* in its device's writes or reads, or in the bus's `ended` */
    struct device *device;
    const struct point *point;
    device_done callback;
    void *ctx;
    bool is_write;
    uint16_t written;     /* registers or bits so far, where they go one by one */
    int attempts, losses; /* of a read that gave way to a write: those of its job */
    int err;              /* once in `ended` */
    size_t len;
    uint8_t raw[];
};

enum job_kind { JOB_NONE, JOB_WRITE, JOB_READ, JOB_POLL, JOB_PROBE };

/* What a device has on the wire, or will try again at its next turn. */
struct job {
    enum job_kind kind;
    struct request *request; /* WRITE, READ; of a POLL: device.plan.request */
    int attempts;            /* that failed */
    int losses;              /* of the link, with it on the wire */
    uint8_t bit;             /* a coil of several, written alone */
};

enum presence {
    PRESENCE_UNKNOWN, /* the link is new or not up yet: the first answer or time-out will tell */
    PRESENCE_ONLINE,  /* or was, and its link is being opened anew: requests wait */
    PRESENCE_SILENT,  /* or without a link: requests fail at once */
};

/* What was on the wire each time when the link was lost: some devices close the connection when they are asked for what they do not have. */
struct suspect {
    uint8_t unit_offset, function;
    uint16_t address, count;
    int times;     /* in a row */
    bool answered; /* something else was, since the last time: so it is no matter of the link */
};

struct device {
    struct list link; /* in bus->devices; who was served last stands last */
    struct modbus_bus *bus;
    uint8_t unit, last_offset;  /* its points stand at unit..unit + last_offset */
    const struct point *points; /* the profile's */
    size_t point_count;
    struct modbus_options options;
    struct device_events events;
    void *ctx;

    struct plan plan;
    const struct point *probe; /* readable; for plans that poll nothing. NULL: none */
    struct list writes, reads;
    int64_t *written_ms; /* by point, when it was written last; NULL: there is no write_interval */
    int queued;
    struct job job;

    enum presence presence;
    int silent_err;         /* why it is SILENT */
    bool told, told_online; /* what the charger heard last */
    int64_t late_until_ms;  /* until then an answer may still come that was given up */
    struct timer grace;     /* the link was lost; until it ends this counts for nothing */
    int64_t slowest_ms;     /* that an answer took */
    int silent_polls;       /* without an answer */
    struct suspect suspect;
    int64_t
        quiet_since_ms; /* the first request without an answer left, or the link was lost; 0: it has answered since */
    int link_number; /* of the last answer */
    bool doubted;    /* a write or read got no answer: a poll decides whether the device is still there */
    int64_t not_before_ms; /* pause or back-off */
    int64_t back_off_ms;
    struct device_health health;
};

/* A request besides the devices. */
struct ask {
    struct list link; /* in the bus's `asks` or `failed_asks` */
    uint8_t unit;
    struct modbus_request request; /* its data are `bytes` */
    int64_t timeout_ms;
    bool was_lost; /* with a link that worked, once */
    modbus_on_answer callback;
    void *ctx;
    int err; /* once in `failed_asks` */
    uint8_t bytes[];
};

/* What happens again and again is logged when it begins and when it has ended. */
enum trouble_kind { TROUBLE_BROKEN, TROUBLE_MISFIT, TROUBLE_LATE, TROUBLE_LINK, TROUBLE_KINDS };
struct trouble {
    int64_t last_ms;
    uint64_t times; /* since it began; 0: there is none */
};

/* Whether an RTU or ASCII line lets us hear what we send. */
struct echo {
    enum { ECHO_UNKNOWN, ECHO_YES, ECHO_NO } habit;
    int missing;   /* answers in a row that came without one, though there were some */
    bool heard;    /* of the request on the wire */
    bool answered; /* ... or that was its answer, where both are alike and the habit is not known */
    size_t len;
    uint8_t sent[MODBUS_MAX_FRAME];
};

/* A unit that may still answer what was asked besides and given up: where answers carry no transaction, it is left alone so long. */
struct rest {
    uint8_t unit;
    int64_t until_ms;
};

struct modbus_bus {
    struct loop *loop;
    struct modbus_bus_settings settings;
    struct stream *stream;
    struct modbus_receiver receiver;
    struct list devices, ended;
    struct list asks, failed_asks;
    int ask_count;
    struct rest rests[4];
    struct timer timer, ended_timer, failed_timer;
    struct bus_counters counters;
    struct frames frames; /* the last ones, for diagnostics */

    enum modbus_link link;
    int link_err;                             /* of the last loss */
    int link_number;                          /* how many there were, with this one */
    int64_t opened_ms;                        /* this one */
    bool worked;                              /* something answered on this link */
    bool reopening;                           /* it did on the last one, which is not given up yet */
    int64_t reconnect_after_ms, reconnect_ms; /* first and next pause */

    struct device *active;
    struct ask *asked;
    bool abandoned;  /* who asked is gone: the wire is free when the answer came, or its time is over */
    bool asked_last; /* what was on the wire last was asked besides: a device is next */
    struct modbus_request sent;
    uint8_t sent_unit;
    int64_t sent_ms;
    struct echo echo;
    int unanswered;   /* requests of devices since the last answer */
    int64_t heard_ms; /* when the last answer came, or the link */
    int64_t flood_since_ms;
    size_t flood;       /* bytes since then that no answer accounts for */
    bool flooded;       /* hung up on for that, and not yet for as long without it on another connection */
    int64_t slowest_ms; /* that any answer of a device took */
    int64_t deaf_ms;    /* after so long without one a connection is made anew */
    bool misfit;        /* the unit answered, but something else */
    uint16_t transaction;
    int64_t deadline_ms;
    int64_t quiet_from_ms; /* end of the last exchange */
    int64_t silence_ms;
    bool delivering;
    struct trouble troubles[TROUBLE_KINDS];
};

static inline int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- bus.c ---- */

int64_t bus_now_ms(const struct modbus_bus *bus);
/* How many bytes could be read in the time that a request takes besides its data, if there is a pause before it: plan_init(). */
uint16_t bus_request_cost(const struct modbus_bus *bus, int64_t pause_ms);
/* Sends the next request if the wire is free, else sees to it that this is done in time. */
void bus_kick(struct modbus_bus *bus);
/* The charger hears of the end soon: callbacks never come from inside a call. */
void bus_end_later(struct modbus_bus *bus, struct request *request, int err);
void bus_forget_device(struct modbus_bus *bus, struct device *device);
/* Nobody waits any more for the answer to what is on the wire. */
void bus_abandon(struct modbus_bus *bus);

/* ---- ask.c ---- */

void asks_init(struct modbus_bus *bus);
/* Without callbacks. */
void asks_done(struct modbus_bus *bus);
/* What may be asked now, NULL: nothing. *ret_next_ms becomes earlier if something may be then. */
struct ask *asks_next(struct modbus_bus *bus, int64_t now_ms, int64_t *ret_next_ms);
/* Its turn: it is `asked` from now on. */
void ask_begin(struct modbus_bus *bus, struct ask *ask);
/* What is asked ends, and so do those that wait if the link is given up. They may ask more. */
void ask_end(struct modbus_bus *bus, int err, const struct modbus_response *response);
void asks_on_link_lost(struct modbus_bus *bus);
/* When the device may be asked, as far as that depends on what was asked besides. */
int64_t asks_rest_ms(const struct modbus_bus *bus, const struct device *device);

/* ---- device.c ---- */

/* Whether it is asked at this unit, now or sometimes. */
bool device_has_unit(const struct device *device, uint8_t unit);

enum urgency { URGENCY_WRITE, URGENCY_READ, URGENCY_POLL };

/* When the device wants its next turn (perhaps in the past), or -1. */
int64_t device_wants_ms(struct device *device, int64_t now_ms, enum urgency *ret);
/* Its turn: what to send. */
void device_begin(struct device *device, struct modbus_request *ret, uint8_t *ret_unit);
void device_on_answer(struct device *device, const struct modbus_response *response);
void device_on_no_answer(struct device *device);
/* It answered, but nothing that fits. */
void device_on_misfit(struct device *device);
/* Ends it with its callback. */
void device_end_request(struct device *device, struct request *request, int err);
void device_fail_requests(struct device *device, struct list *queue, int err);
/* What the answer to the poll says of its points; an exception: nothing. */
void device_deliver_poll(struct device *device, const struct modbus_response *response);

/* ---- presence.c ---- */

void presence_init(struct device *device);
/* It answered. */
void presence_found(struct device *device);
/* It does not, or its link is lost: what is waiting fails. */
void presence_lost(struct device *device, int err);
/* The next poll of a device that is silent comes later than the last one. */
void presence_back_off(struct device *device, int64_t now_ms);
void device_on_link_up(struct device *device);
/* was_asked: its request was on the wire; link_worked: something had been answered on this link. */
void device_on_link_lost(struct device *device, int err, bool was_asked, bool link_worked);
/* How long to wait for the answer. */
int64_t device_timeout_ms(const struct device *device);
/* Whether there is anything to poll it by. */
bool device_can_be_asked(const struct device *device);

#endif
