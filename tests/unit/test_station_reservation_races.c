/* Reservations while much happens: before they are stored, and over a long random time. */
#include "tests/support/reserving.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"

/* ---- before it is stored ---- */

/* A CALL that is not answered yet, for its changes are not stored. */
static void begin(struct bench *b, const char *id, const char *action, const char *payload)
{
    char text[400];
    (void)snprintf(text, sizeof(text), "[2, '%s', '%s', %s]", id, action, payload);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    b->hold_commits = true;
    bench_frame(b, text);
    assert_null(json_object_get(b->responses, id));
}

static void expect_answer(struct bench *b, const char *id, const char *status)
{
    const json_t *answer = json_object_get(b->responses, id);
    assert_string_equal(json_get_string(json_array_get(answer, 2), "status", "none"), status);
}

static void end_of_hold(struct bench *b)
{
    b->hold_commits = false;
    bench_settle(b);
}

static void of_two_that_are_stored_at_once_the_first_has_it(void **state) /* H01.FR.11 */
{
    struct bench *b = *state;
    begin(b, "x", "ReserveNow", "{'id': 1, " UNTIL ", 'evseId': 1, " OF(CARD) "}");
    begin(b, "y", "ReserveNow", "{'id': 2, " UNTIL ", 'evseId': 1, " OF(FRIEND) "}");
    end_of_hold(b);
    expect_answer(b, "x", "Accepted");
    expect_answer(b, "y", "Occupied");
    assert_non_null(bench_record(b, "reservation", "1"));
    assert_null(bench_record(b, "reservation", "2"));
}

static void who_comes_while_his_is_cancelled_has_used_it(void **state) /* H02.FR.01, H03.FR.09 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    begin(b, "x", "CancelReservation", "{'reservationId': 1}");
    bench_token(b, 1, CARD, "ISO14443");
    end_of_hold(b);
    expect_answer(b, "x", "Rejected");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'reservationId': 1}");
    assert_null(bench_record(b, "reservation", "1"));
}

static void who_comes_while_his_is_replaced_has_used_it(void **state) /* H01.FR.02, H03.FR.09 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    begin(b, "x", "ReserveNow", "{'id': 1, " UNTIL ", 'evseId': 1, " OF(FRIEND) "}");
    bench_token(b, 1, CARD, "ISO14443");
    end_of_hold(b);
    expect_answer(b, "x", "Occupied");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'reservationId': 1}");
    assert_null(bench_record(b, "reservation", "1"));
}

static void a_replacement_is_kept_though_the_old_one_ended_meanwhile(void **state) /* H01.FR.02 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    begin(b, "x", "ReserveNow", "{'id': 1, " UNTIL ", 'evseId': 2, " OF(FRIEND) "}");
    bench_state(b, 1, EVSE_FAULTED);
    end_of_hold(b);
    expect_answer(b, "x", "Accepted");
    assert_non_null(bench_record(b, "reservation", "1"));
    bench_forget(b);
    reserving_restart(b);
    bench_expect_later(b, "StatusNotification", "{'evseId': 1}");
    bench_expect_later(b, "StatusNotification", "{'evseId': 2, 'connectorStatus': 'Reserved'}");
}

static void what_is_refused_late_leaves_the_one_it_was_to_replace(void **state) /* H01.FR.02, H01.FR.12 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    begin(b, "x", "ReserveNow", "{'id': 1, " UNTIL ", 'evseId': 2, " OF(FRIEND) "}");
    bench_state(b, 2, EVSE_FAULTED);
    end_of_hold(b);
    expect_answer(b, "x", "Faulted");
    bench_forget(b);
    reserving_restart(b);
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Reserved'}");
}

/* ---- whatever happens ---- */

/* Random reservations, drivers, faults, restarts: nobody starts where another is expected, there are never more than can be served, and
 * each ends once. */
static void whatever_happens(void **state)
{
    (void)state;
    static const char *const cards[] = { "04000001", "04000002", "04000003", "04000004" };
    static const char *const presets[] = { "TxCtrlr.TxStartPoint=Authorized",
                                           "TxCtrlr.TxStopPoint=Authorized",
                                           "SampledDataCtrlr.TxUpdatedInterval=0",
                                           "AlignedDataCtrlr.Interval=0", NULL };
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct bench *b = reserving_bench(3, presets);
        char of[12][12] = { { 0 } }; /* whose a reservation is, or "" */
        int specific[12] = { 0 };
        srand(seed);
        for (int round = 0; round < 60; round++) {
            int evse = rand() % 3 + 1, id = rand() % 12;
            const char *card = cards[rand() % 4];
            char text[300];
            switch (rand() % 7) {
            case 0:
            case 1: {
                int at = rand() % 2 ? evse : 0;
                char evse_text[30] = "";
                if (at)
                    (void)snprintf(evse_text, sizeof(evse_text), "'evseId': %d, ", at);
                (void)snprintf(
                    text, sizeof(text),
                    "{'id': %d, 'expiryDateTime': '2026-02-01T00:00:00Z', %s'idToken': {'idToken': "
                    "'%s', 'type': 'ISO14443'}}",
                    id, evse_text, card);
                const json_t *answer = bench_request(b, "ReserveNow", text);
                if (str_equal(json_get_string(answer, "status", ""), "Accepted")) {
                    (void)str_copy(of[id], sizeof(of[id]), card);
                    specific[id] = at;
                }
                break;
            }
            case 2: {
                (void)snprintf(text, sizeof(text), "{'reservationId': %d}", id);
                const json_t *answer = bench_request(b, "CancelReservation", text);
                assert_int_equal(str_equal(json_get_string(answer, "status", ""), "Accepted"),
                                 of[id][0] != 0);
                of[id][0] = '\0';
                break;
            }
            case 3:
            case 4:
                bench_token(b, evse, card, "ISO14443");
                break;
            case 5:
                bench_state(b, evse,
                            rand() % 4 == 0 ? EVSE_FAULTED
                            : rand() % 2    ? EVSE_CONNECTED
                                            : EVSE_AVAILABLE);
                break;
            default:
                if (rand() % 6 == 0)
                    bench_restart(b);
                bench_advance(b, 30000);
                break;
            }
            bench_settle(b);
            size_t index;
            json_t *call;
            json_array_foreach(b->calls, index, call)
            {
                const char *action = json_string_value(json_array_get(call, 0));
                const json_t *payload = json_array_get(call, 1);
                if (str_equal(action, "ReservationStatusUpdate")) {
                    int ended = (int)json_get_int(payload, "reservationId", -1);
                    assert_true(of[ended][0]);
                    of[ended][0] = '\0';
                }
                bool starts = str_equal(action, "TransactionEvent") &&
                              str_equal(json_get_string(payload, "eventType", ""), "Started");
                if (!starts)
                    continue;
                int at = (int)json_get_int(json_object_get(payload, "evse"), "id", 0);
                const char *who = json_get_string(json_object_get(payload, "idToken"), "idToken", "");
                int used = (int)json_get_int(payload, "reservationId", -1);
                if (used >= 0) {
                    assert_string_equal(of[used], who);
                    assert_true(specific[used] == 0 || specific[used] == at);
                    of[used][0] = '\0';
                }
                for (int i = 0; i < 12; i++) /* it was nobody else's */
                    assert_false(of[i][0] && specific[i] == at && !str_equal(of[i], who));
            }
            bench_forget(b);
            int kept = 0;
            for (int i = 0; i < 12; i++)
                kept += of[i][0] != 0;
            assert_int_equal((int)b->station->reservations.count, kept);
            assert_true(kept <= 3);
        }
        bench_free(b);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reserving_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_two_that_are_stored_at_once_the_first_has_it),
        TEST(who_comes_while_his_is_cancelled_has_used_it),
        TEST(who_comes_while_his_is_replaced_has_used_it),
        TEST(a_replacement_is_kept_though_the_old_one_ended_meanwhile),
        TEST(what_is_refused_late_leaves_the_one_it_was_to_replace),
        cmocka_unit_test(whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
