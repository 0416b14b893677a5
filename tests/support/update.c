#include "tests/support/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "tests/support/authority.h"

#define DAY_MS 86400000LL

/* ---- certificates ---- */

static struct authority *root, *other;
static char *signer, *expired;
static struct update_certificates certificates;

static struct authority *authority_of_the_time(const char *name, int64_t days)
{
    return authority_new(&(struct authority_options){ .name = name,
                                                      .not_before_ms = BENCH_WALL_MS - 30 * DAY_MS,
                                                      .not_after_ms = BENCH_WALL_MS + days * DAY_MS });
}

static char *signed_by_the_root(const char *csr, int64_t days)
{
    return authority_sign(root, csr,
                          &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS - 30 * DAY_MS,
                                                    .not_after_ms = BENCH_WALL_MS + days * DAY_MS });
}

int update_setup_group(void **state)
{
    (void)state;
    char *csr, *key;
    root = authority_of_the_time("manufacturer", 3650);
    other = authority_of_the_time("stranger", 100);
    authority_request("signer", "Example", &csr, &key);
    signer = signed_by_the_root(csr, 100);
    expired = signed_by_the_root(csr, -1);
    free(csr);
    free(key);
    certificates = (struct update_certificates){
        .root = authority_pem(root), .signer = signer, .expired = expired, .stranger = authority_pem(other)
    };
    return 0;
}

int update_teardown_group(void **state)
{
    (void)state;
    authority_free(root);
    authority_free(other);
    free(signer);
    free(expired);
    return 0;
}

const struct update_certificates *update_certificates(void)
{
    return &certificates;
}

/* ---- the bench ---- */

static bool is_unsigned; /* from the set-up of a test to its end */

bool update_is_unsigned(void)
{
    return is_unsigned;
}

struct bench *update_bench(enum firmware_meanwhile transactions, size_t evses)
{
    struct bench_options options = {
        .evse_count = evses,
        .firmware = { .is_possible = true,
                      .transactions = transactions,
                      .roots_pem = authority_pem(root),
                      .takes_unsigned = is_unsigned },
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    return b;
}

int update_setup(void **state)
{
    *state = update_bench(FIRMWARE_DOWNLOADS_MEANWHILE, 2);
    return 0;
}

int update_setup_unsigned(void **state)
{
    is_unsigned = true;
    return update_setup(state);
}

int update_teardown(void **state)
{
    is_unsigned = false;
    return bench_teardown(state);
}

/* ---- requests ---- */

void update_send(struct bench *b, const struct update_request *r, const char *expected)
{
    char payload[16384], retrieve[TIMESTAMP_SIZE], install[TIMESTAMP_SIZE], part[2][4096] = { "", "" };
    timestamp_format(BENCH_WALL_MS + b->now_ms + r->retrieve_ms, retrieve);
    timestamp_format(BENCH_WALL_MS + b->now_ms + r->install_ms, install);
    if (r->certificate)
        snprintf(part[0], sizeof(part[0]), ", 'signingCertificate': '%s'", authority_escaped(r->certificate));
    if (r->signature)
        snprintf(part[1], sizeof(part[1]), ", 'signature': '%s'", r->signature);
    snprintf(payload, sizeof(payload),
             "{'requestId': %d%s, 'firmware': {'location': '%s', 'retrieveDateTime': '%s'%s%s%s%s%s}}", r->id,
             r->more ? r->more : "", r->location ? r->location : "https://files.example/image", retrieve,
             r->install_ms ? ", 'installDateTime': '" : "", r->install_ms ? install : "",
             r->install_ms ? "'" : "", part[0], part[1]);
    bench_call(b, "UpdateFirmware", payload, expected);
}

struct update_request update_usual(int id)
{
    return (struct update_request){ .id = id,
                                    .retrieve_ms = -2 * HOUR_MS,
                                    .certificate = is_unsigned ? NULL : certificates.signer,
                                    .signature = is_unsigned ? NULL : "c2ln" };
}

/* ---- what is told ---- */

void update_next_status(struct bench *b, int id, const char *status)
{
    char text[96];
    snprintf(text, sizeof(text), "{'status': '%s', 'requestId': %d}", status, id);
    bench_expect_later(b, "FirmwareStatusNotification", text);
}

void update_expect_status(struct bench *b, int id, const char *status)
{
    const json_t *payload;
    do
        payload = bench_expect_later(b, "FirmwareStatusNotification", "{}");
    while (strcmp(json_get_string(payload, "status", ""), status) != 0);
    assert_int_equal(json_get_int(payload, "requestId", -1), id);
}

void update_expect_verified(struct bench *b, int id)
{
    update_expect_status(b, id, is_unsigned ? "Downloaded" : "SignatureVerified");
}

void update_expect_no_status(struct bench *b)
{
    assert_int_equal(bench_count(b, "FirmwareStatusNotification"), 0);
}

void update_expect_trigger(struct bench *b, const char *payload)
{
    bench_forget(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", payload);
}

void update_expect_security_event(struct bench *b, const char *type)
{
    const json_t *payload;
    do
        payload = bench_expect_later(b, "SecurityEventNotification", "{}");
    while (strcmp(json_get_string(payload, "type", ""), type) != 0);
}
