/* An OCPP 1.6 charger as its driver sees it, in virtual time: frames are written by hand, points are looked at by name. */
#ifndef SUPPORT_OCPP16_BENCH_H
#define SUPPORT_OCPP16_BENCH_H

#include "base/env.h"
#include "driver/ocpp16/engine.h"

#define BENCH_MAX_SENT 64

struct ocpp16_bench {
    struct timers timers;
    struct env env;
    int64_t now_ms, wall_ms;
    uint32_t next_random;
    struct profile *profile;
    struct device *device;
    char *sent[BENCH_MAX_SENT]; /* since the last look */
    size_t sent_count;
    char values[64][80]; /* by point; "" none */
    int online;          /* -1: not told */
    int onlines, batches, closed;
    int done_err, dones; /* of the last write or read */
    char kept[8][2][200];
    size_t kept_count;
    void (*pause)(bool paused); /* the bench takes memory for itself; or NULL */
    int ids;                    /* of the charger's CALLs */
};

/* `profile`: a YAML text. */
struct ocpp16_bench *ocpp16_bench_new(const char *profile);
void ocpp16_bench_free(struct ocpp16_bench *b);
/* The device is made anew with what was kept, as after a restart of the gateway. */
void peer_restart(struct ocpp16_bench *b);
void peer_open(struct ocpp16_bench *b);
void peer_close(struct ocpp16_bench *b);
/* A CALL of the charger; JSON in single quotes. What was sent before is forgotten. */
void peer_call(struct ocpp16_bench *b, const char *action, const char *payload);
void peer_receive(struct ocpp16_bench *b, const char *text);
/* Answers the gateway's CALL that was sent last (still open) with this CALLRESULT. */
void peer_answer(struct ocpp16_bench *b, const char *payload);
void peer_pass(struct ocpp16_bench *b, int64_t ms);
/* A frame that holds this text (single quotes) was sent since the last look. */
bool peer_has_sent(const struct ocpp16_bench *b, const char *text);
void peer_forget(struct ocpp16_bench *b);
const char *peer_value(const struct ocpp16_bench *b, const char *point);
void peer_write(struct ocpp16_bench *b, const char *point, double number);
void peer_write_text(struct ocpp16_bench *b, const char *point, const char *text);
void peer_read(struct ocpp16_bench *b, const char *point);

#endif
