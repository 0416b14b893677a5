/* What the parts of the bench have of each other; bench.h is what tests have.
 *
 *     bench.c           time, and the life of the station
 *     bench_expect.c    JSON, and what is expected of the station's CALLs
 *     bench_csms.c      the link and the CSMS
 *     bench_devices.c   commands, signals, tokens
 *     bench_gateway.c   the store, keys, logs, firmware
 *
 * bench_on_...() are the station's operations (station.h): they only write down what it wants. bench_do_...() do one thing that is due, or
 * return false; bench_settle() calls them until nothing is due. */
#ifndef TESTS_BENCH_INTERNAL_H
#define TESTS_BENCH_INTERNAL_H

#include "tests/support/bench.h"

/* JSON with single quotes; fails the test if it is none. The caller's. */
json_t *bench_parse(const char *text);
/* Fails unless `json` contains `expected`; `what` for the message. */
void bench_check(const json_t *json, const char *expected, const char *what);
/* Puts a copy of the text, or NULL, in the place of the old one. */
void bench_keep_text(char **at, const char *text);

/* bench_csms.c */
void bench_on_connect(void *ctx, const struct link_target *target);
void bench_on_disconnect(void *ctx);
void bench_on_ping_interval(void *ctx, int64_t interval_ms);
int bench_on_send(void *ctx, const char *text, size_t len);
bool bench_do_link(struct bench *b);
bool bench_do_answer(struct bench *b);

/* bench_devices.c */
void bench_on_command(void *ctx, int evse, const struct evse_command *command);
void bench_on_show(void *ctx, int evse, const struct evse_display *display);
bool bench_do_command(struct bench *b);
void bench_on_device_health(void *ctx, int evse, struct device_health *ret);

/* bench_gateway.c */
int bench_on_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket);
void bench_on_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket);
int bench_on_upload_log(void *ctx, const struct log_request *request);
bool bench_on_has_log(void *ctx, const struct log_request *request);
void bench_on_cancel_log(void *ctx);
int bench_on_firmware(void *ctx, const struct firmware_job *job);
bool bench_do_commit(struct bench *b);
bool bench_do_csr(struct bench *b);
bool bench_do_firmware(struct bench *b);

#endif
