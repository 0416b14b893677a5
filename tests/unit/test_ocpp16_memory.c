/* A charger of OCPP 1.6 with memory that runs out: each allocation of a session fails once. Nothing crashes or leaks, and what comes afterwards
 * works as ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/ocpp16_bench.h"

#define NOW "2026-09-21T14:13:30Z"

static const char profile_text[] =
    "profile: ocpp16\nvendor: x\nmodels: [x]\nprotocol: ocpp16\n"
    "points:\n"
    "  interval: { at: configuration MeterValueSampleInterval }\n"
    "  sign: { at: data acme.com show }\n"
    "  status: { at: status }\n"
    "  tag: { at: id_tag }\n"
    "  transaction: { at: transaction }\n"
    "  energy: { at: measurand Energy.Active.Import.Register }\n"
    "  authorize: { at: authorize }\n"
    "  start: { at: remote_start }\n"
    "  stop: { at: remote_stop }\n"
    "  limit: { at: limit }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    signals: { state: [ { charging: status == \"Charging\" }, { available: otherwise } ] }\n";

/* ---- allocations ---- */

static long left = -1; /* that succeed before one fails; -1: all do */
static bool is_paused, has_failed;

static bool fails(void)
{
    if (is_paused || left < 0)
        return false;
    has_failed = left == 0;
    return left-- == 0;
}

static void set_paused(bool paused)
{
    is_paused = paused;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* ---- a session ---- */

static const struct point *point(const struct ocpp16_bench *b, const char *name)
{
    return profile_point(b->profile, name);
}

static void ignore(void *ctx, int err)
{
    (void)ctx;
    (void)err;
}

static void use(struct ocpp16_bench *b, const char *name, const char *raw, size_t len)
{
    if (raw)
        (void)ocpp16_device_ops.write(b->device, point(b, name), (const uint8_t *)raw, len, ignore, NULL);
    else
        (void)ocpp16_device_ops.read(b->device, point(b, name), ignore, NULL);
    peer_pass(b, 0);
}

static void answer_all(struct ocpp16_bench *b, const char *payload)
{
    for (int i = 0; i < 10 && peer_has_sent(b, "[2,"); i++)
        peer_answer(b, payload);
}

static void have_a_session(struct ocpp16_bench *b)
{
    static const char one[8] = { 0x3F, (char)0xF0 }, ten[8] = { 0x40, 0x24 };
    peer_open(b);
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m'}");
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Preparing'}");
    peer_pass(b, 3000);
    answer_all(b, "{'status':'Accepted'}");
    use(b, "interval", NULL, 0);
    answer_all(b, "{'configurationKey':[{'key':'MeterValueSampleInterval','readonly':false,'value':'60'}]}");
    use(b, "interval", "10", 2);
    use(b, "sign", "hello", 5);
    answer_all(b, "{'status':'Accepted'}");
    peer_call(b, "DataTransfer", "{'vendorId':'acme.com','messageId':'show','data':'there'}");
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    use(b, "start", one, 8);
    use(b, "authorize", one, 8);
    peer_call(b, "StartTransaction",
              "{'connectorId':1,'idTag':'CARD','meterStart':1000,'timestamp':'" NOW "'}");
    use(b, "limit", ten, 8);
    answer_all(b, "{'status':'Accepted'}");
    use(b, "energy", NULL, 0);
    peer_call(b, "MeterValues",
              "{'connectorId':1,'meterValue':[{'timestamp':'" NOW "','sampledValue':[{'value':'1500'}]}]}");
    answer_all(b, "{'status':'Accepted'}");
    use(b, "stop", one, 8);
    answer_all(b, "{'status':'Accepted'}");
    peer_call(b, "StopTransaction", "{'transactionId':190000010,'meterStop':1600,'timestamp':'" NOW "'}");
    peer_close(b);
}

static void a_session_survives_each_allocation_that_fails(void **state)
{
    (void)state;
    long n = 0;
    has_failed = true;
    for (; has_failed; n++) {
        struct ocpp16_bench *b = ocpp16_bench_new(profile_text);
        b->pause = set_paused;
        has_failed = false;
        left = n;
        have_a_session(b);
        left = -1;
        peer_pass(b, 100000);
        peer_open(b);
        peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m'}");
        assert_true(peer_has_sent(b, "'Accepted'"));
        assert_int_equal(b->online, 1);
        peer_call(b, "Heartbeat", "{}");
        assert_true(peer_has_sent(b, "currentTime"));
        peer_close(b);
        ocpp16_bench_free(b);
    }
    assert_true(n > 300); /* it did take memory */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_session_survives_each_allocation_that_fails) };
    json_set_alloc_funcs(__wrap_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
