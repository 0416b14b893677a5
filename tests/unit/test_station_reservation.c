/* Reservations: who may have one, what an EVSE looks like meanwhile, who is let in, and how each of them ends. */
#include "tests/support/reserving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

static void cancel(struct bench *b, int id, const char *status)
{
    char text[60], expected[60];
    (void)snprintf(text, sizeof(text), "{'reservationId': %d}", id);
    (void)snprintf(expected, sizeof(expected), "{'status': '%s'}", status);
    bench_call(b, "CancelReservation", text, expected);
}

static void expect_status(struct bench *b, int evse, const char *status)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{'evseId': %d, 'connectorId': 1, 'connectorStatus': '%s'}", evse,
                   status);
    bench_expect(b, "StatusNotification", text);
}

static void expect_ended(struct bench *b, int id, const char *status)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{'reservationId': %d, 'reservationUpdateStatus': '%s'}", id, status);
    bench_expect(b, "ReservationStatusUpdate", text);
}

static void expect_no_start(struct bench *b)
{
    size_t index;
    json_t *command;
    json_array_foreach(b->commands, index, command)
        assert_int_not_equal(json_integer_value(json_array_get(command, 1)), EVSE_START);
    json_array_clear(b->commands);
}

/* ---- an EVSE ---- */

static void a_free_evse_is_reserved(void **state) /* H01.FR.03, H01.FR.23 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    expect_status(b, 1, "Reserved");
    bench_expect_nothing(b);
    assert_non_null(bench_record(b, "reservation", "1"));
}

static void an_evse_that_is_taken_or_out_of_order_is_not_reserved(void **state) /* H01.FR.11, .12, .14 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    reserve(b, 2, "'evseId': 1, " OF(FRIEND), "Occupied");
    bench_state(b, 2, EVSE_CONNECTED);
    reserve(b, 2, "'evseId': 2, " OF(FRIEND), "Occupied");
    bench_state(b, 2, EVSE_FAULTED);
    reserve(b, 2, "'evseId': 2, " OF(FRIEND), "Faulted");
    bench_state(b, 2, EVSE_UNAVAILABLE);
    reserve(b, 2, "'evseId': 2, " OF(FRIEND), "Unavailable");
}

static void who_was_let_in_and_has_not_plugged_in_yet_occupies_it(void **state) /* H01.FR.11 */
{
    struct bench *b = *state;
    bench_token(b, 1, CARD, "ISO14443");
    reserve(b, 1, "'evseId': 1, " OF(FRIEND), "Occupied");
}

static void requests_that_make_no_sense_are_rejected(void **state) /* H01.FR.01, H02.FR.01 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 3, " OF(CARD), "Rejected");
    reserve(b, 1, "'evseId': 0, " OF(CARD), "Rejected");
    reserve(b, 1, "'connectorType': 'cCCS2', " OF(CARD), "Rejected");
    reserve(b, 1, "'evseId': 1, 'connectorType': 'cCCS2', " OF(CARD), "Rejected");
    bench_call(b, "ReserveNow",
               "{'id': 1, 'evseId': 1, 'expiryDateTime': '2026-01-31T11:59:00Z', " OF(CARD) "}",
               "{'status': 'Rejected'}");
    cancel(b, 1, "Rejected");
    session_set(b, "ReservationCtrlr", "Enabled", "false");
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Rejected");
    bench_expect_nothing(b);
}

static void the_same_id_replaces(void **state) /* H01.FR.02 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    expect_status(b, 1, "Reserved");
    reserve(b, 1, "'evseId': 1, " OF(FRIEND), "Accepted");
    bench_expect_nothing(b);
    reserve(b, 1, "'evseId': 2, " OF(FRIEND), "Accepted");
    expect_status(b, 1, "Available");
    expect_status(b, 2, "Reserved");
    bench_state(b, 2, EVSE_FAULTED);
    bench_forget(b);
    reserve(b, 2, "'evseId': 1, " OF(FRIEND), "Accepted");
    reserve(b, 2, "'evseId': 2, " OF(FRIEND), "Faulted"); /* the old one stays */
    assert_non_null(bench_record(b, "reservation", "2"));
}

static void a_cancelled_one_is_gone(void **state) /* H02.FR.02, H02.FR.03, H02.FR.04 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    expect_status(b, 1, "Reserved");
    cancel(b, 1, "Accepted");
    expect_status(b, 1, "Available");
    bench_expect_nothing(b);
    assert_null(bench_record(b, "reservation", "1"));
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    session_event(b, "Started", "Authorized", "'reservationId': null");
}

static void it_expires(void **state) /* H04.FR.01, H04.FR.02, H04.FR.03 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_advance(b, 1800000 - (b->now_ms % 1800000) - 1000);
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
    bench_forget(b);
    bench_advance(b, 1000);
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 1, 'reservationUpdateStatus': 'Expired'}");
    expect_status(b, 1, "Available");
    assert_null(bench_record(b, "reservation", "1"));
    bench_advance(b, 7200000);
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
}

static void a_reserved_evse_that_fails_is_reserved_no_more(void **state) /* H01.FR.16, H01.FR.17 */
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_state(b, 1, EVSE_FAULTED);
    expect_ended(b, 1, "Removed");
    expect_status(b, 1, "Faulted");
    bench_state(b, 1, EVSE_AVAILABLE);
    expect_status(b, 1, "Available");

    reserve(b, 2, "'evseId': 2, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 2}}",
               "{'status': 'Accepted'}");
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 2, 'reservationUpdateStatus': 'Removed'}");
    bench_expect_later(b, "StatusNotification", "{'evseId': 2, 'connectorStatus': 'Unavailable'}");
}

/* ---- who comes ---- */

static void
who_is_expected_is_let_in(void **state) /* H03.FR.01, H03.FR.09, H03.FR.10, H01.FR.15, E01.FR.13 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    expect_status(b, 1, "Reserved");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 7");
    assert_null(bench_record(b, "reservation", "7"));
    bench_state(b, 1, EVSE_CONNECTED);
    expect_status(b, 1, "Occupied");
    session_event(b, "Updated", "CablePluggedIn", "'reservationId': null");
}

static void who_is_not_expected_is_not_let_in(void **state) /* H03.FR.01, G03.FR.09, G01.FR.09, G01.FR.06 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    expect_status(b, 1, "Reserved");
    bench_state(b, 1, EVSE_CONNECTED); /* the connector stays Reserved */
    session_event(b, "Started", "CablePluggedIn", "'idToken': null");
    bench_expect_nothing(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    expect_no_start(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Occupied");
    session_event(b, "Updated", "Authorized", "'reservationId': 7"); /* E02.FR.03, E03.FR.03 */
}

static void a_member_of_the_group_is_expected(void **state) /* H03.FR.04, H03.FR.07, H03.FR.08 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_forget(b);
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Accepted', " FAMILY "}}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" FRIEND "'}}"); /* the group was not known here */
    expect_status(b, 1, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 7");
}

static void offline_the_group_is_known_by_list_or_cache_or_not_at_all(void **state) /* H03.FR.07 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_call(b, "SendLocalList",
               "{'versionNumber': 1, 'updateType': 'Full', 'localAuthorizationList': [{" OF(
                   FRIEND) ", 'idTokenInfo': {'status': 'Accepted', " FAMILY "}}]}",
               "{'status': 'Accepted'}");
    reserve(b, 7, "'evseId': 1, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, GUEST, "ISO14443"); /* unknown: may charge elsewhere */
    expect_no_start(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'triggerReason': 'CablePluggedIn', 'reservationId': null}");
    bench_expect_later(b, "TransactionEvent",
                       "{'triggerReason': 'Authorized', 'reservationId': 7, 'offline': true}");
}

static void a_remote_start_must_be_for_who_is_expected(void **state) /* F01.FR.21, .22, F02.FR.06, .23, .24 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    reserve(b, 8, "'evseId': 2, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_forget(b);
    bench_call(b, "RequestStartTransaction", "{'evseId': 1, 'remoteStartId': 1, " OF(FRIEND) "}",
               "{'status': 'Rejected'}");
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 1, " OF(FRIEND) ", " FAMILY_GROUP "}",
               "{'status': 'Rejected'}");
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 2, 'remoteStartId': 1, " OF(
                   FRIEND) ", 'groupIdToken': {'idToken': 'OTHER', 'type': 'Central'}}",
               "{'status': 'Rejected'}");
    bench_call(b, "RequestStartTransaction", "{'remoteStartId': 1, " OF(GUEST) "}", "{'status': 'Rejected'}");
    bench_expect_nothing(b);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 2, 'remoteStartId': 1, " OF(FRIEND) ", " FAMILY_GROUP "}",
               "{'status': 'Accepted'}");
    expect_status(b, 2, "Available");
    session_event(b, "Started", "RemoteStart", "'reservationId': 8");
    bench_call(b, "RequestStartTransaction", "{'remoteStartId': 2, " OF(CARD) "}", "{'status': 'Accepted'}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "RemoteStart", "'reservationId': 7, 'evse': {'id': 1}");
}

static void the_group_of_a_remote_start_counts_where_the_csms_names_none_later(void **state) /* H03.FR.04 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    reserve(b, 7, "'evseId': 1, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_forget(b);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 1, " OF(FRIEND) ", " FAMILY_GROUP "}",
               "{'status': 'Accepted'}");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "RemoteStart", "'reservationId': 7");
}

static void the_group_of_a_remote_start_is_not_that_of_the_next_card(void **state) /* H03.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    reserve(b, 7, "'evseId': 1, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_forget(b);
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Blocked'}}");
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 1, " OF(FRIEND) ", " FAMILY_GROUP "}",
               "{'status': 'Accepted'}");
    bench_answer(b, "Authorize", "");
    bench_forget(b);
    bench_token(b, 1, GUEST, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
}

static void a_start_without_any_token_waits_for_who_is_expected(void **state) /* H03.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "Enabled", "false");
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, FRIEND, "ISO14443");
    expect_no_start(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
    bench_state(b, 2, EVSE_CONNECTED); /* the other one asks for nothing */
    bench_expect_limit(b, 2, 32);
    bench_expect_command(b, 2, EVSE_START);
}

/* ---- no special EVSE ---- */

static void
one_evse_is_kept_for_each_that_wants_any(void **state) /* H01.FR.04, H01.FR.07, H01.FR.20, H03.FR.03 */
{
    struct bench *b = *state;
    reserve(b, 1, OF(CARD), "Accepted");
    bench_expect_nothing(b); /* there is a second one */
    bench_token(b, 2, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Reserved"); /* now the first is needed */
    session_event(b, "Started", "Authorized", "'evse': {'id': 2}, 'reservationId': null");
    bench_token(b, 1, GUEST, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "Authorized", "'evse': {'id': 1}, 'reservationId': 1");
}

static void
as_many_reservations_as_evses_hold_them_all(void **state) /* H01.FR.20, H01.FR.11, H02.FR.05, H02.FR.06 */
{
    struct bench *b = *state;
    reserve(b, 1, OF(CARD), "Accepted");
    reserve(b, 2, OF(FRIEND), "Accepted");
    expect_status(b, 1, "Reserved");
    expect_status(b, 2, "Reserved");
    reserve(b, 3, OF(GUEST), "Occupied");
    reserve(b, 3, "'evseId': 1, " OF(GUEST), "Occupied");
    cancel(b, 1, "Accepted");
    expect_status(b, 1, "Available");
    expect_status(b, 2, "Available");
    bench_expect_nothing(b);
}

static void who_wants_any_takes_any(void **state) /* H03.FR.03, H03.FR.06 */
{
    struct bench *b = *state;
    reserve(b, 1, OF(CARD), "Accepted");
    reserve(b, 2, OF(FRIEND) ", " FAMILY_GROUP, "Accepted");
    bench_forget(b);
    bench_token(b, 2, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 2, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 1");
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Accepted', " FAMILY "}}");
    bench_token(b, 1, GUEST, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 2");
}

static void without_non_evse_specific_an_evse_must_be_named(void **state) /* H01.FR.18, H01.FR.19 */
{
    (void)state;
    static const char *const presets[] = { "ReservationCtrlr.NonEvseSpecific=false", NULL };
    struct bench *b = reserving_bench(2, presets);
    reserve(b, 1, OF(CARD), "Rejected");
    reserve(b, 1, "'connectorType': 'sType2', " OF(CARD), "Rejected");
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    bench_free(b);
}

static struct bench *with_types(void)
{
    static const char *const presets[] = { "TxCtrlr.TxStartPoint=Authorized,EVConnected", NULL };
    struct bench *b = reserving_bench(3, presets);
    return b;
}

static void
a_type_of_connector_is_reserved(void **state) /* H01.FR.06, H01.FR.09, H01.FR.24, H03.FR.02, H03.FR.05 */
{
    (void)state;
    struct bench *b = with_types();
    reserve(b, 1, "'connectorType': 'sType2', " OF(CARD), "Accepted");
    reserve(b, 2, "'connectorType': 'sType2', " OF(FRIEND) ", " FAMILY_GROUP, "Accepted");
    bench_expect_nothing(b);
    reserve(b, 3, "'connectorType': 'sType2', " OF(GUEST), "Accepted");
    for (int evse = 1; evse <= 3; evse++)
        expect_status(b, evse, "Reserved");
    reserve(b, 4, "'connectorType': 'sType2', " OF("0409"), "Occupied");
    bench_token(b, 2, "0409", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_token(b, 2, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 2, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 1");
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Accepted', " FAMILY "}}");
    bench_token(b, 1, "0410", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Available");
    session_event(b, "Started", "Authorized", "'reservationId': 2");
    bench_free(b);
}

static void when_too_few_are_left_the_newest_goes(void **state) /* H01.FR.16, H01.FR.17 */
{
    struct bench *b = *state;
    reserve(b, 1, OF(CARD), "Accepted");
    reserve(b, 2, OF(FRIEND), "Accepted");
    bench_forget(b);
    bench_state(b, 1, EVSE_FAULTED);
    expect_ended(b, 2, "Removed");
    expect_status(b, 1, "Faulted");
    bench_expect_nothing(b);
    bench_silent(b, 2);
    expect_ended(b, 1, "Removed");
}

/* ---- limits, restarts, switching off ---- */

static void so_many_and_no_more(void **state)
{
    (void)state;
    struct bench_options options = { .evse_count = 4, .limits.reservations = 2 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    reserve(b, 1, OF(CARD), "Accepted");
    reserve(b, 2, OF(CARD), "Accepted");
    reserve(b, 3, OF(CARD), "Rejected");
    reserve(b, 2, "'evseId': 4, " OF(CARD), "Accepted"); /* a replacement is no more */
    cancel(b, 1, "Accepted");
    reserve(b, 3, OF(CARD), "Accepted");
    bench_free(b);
}

static void the_csms_sees_how_many_there_are_and_may_be(void **state)
{
    struct bench *b = *state;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_call(b, "GetReport",
               "{'requestId': 1, 'componentVariable': [{'component': {'name': 'ReservationCtrlr'}, "
               "'variable': {'name': 'Entries'}}]}",
               "{'status': 'Accepted'}");
    bench_expect_later(b, "NotifyReport",
                       "{'reportData': [{'variableAttribute': [{'value': '1', 'mutability': 'ReadOnly'}], "
                       "'variableCharacteristics': {'maxLimit': 20}}]}");
}

static void it_survives_a_power_cut(void **state) /* B01.FR.13, B11.FR.05 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD) ", " FAMILY_GROUP, "Accepted");
    bench_state(b, 1, EVSE_CONNECTED); /* somebody else's vehicle waits there */
    reserving_restart(b);
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Reserved'}");
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    expect_status(b, 1, "Occupied");
    session_event(b, "Updated", "Authorized", "'reservationId': 7");
    reserving_restart(b); /* it is used once */
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
    assert_null(bench_record(b, "reservation", "7"));
}

static void what_expired_without_power_is_told(void **state) /* H04.FR.01 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    b->now_ms += 7200000;
    reserving_restart(b);
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 7, 'reservationUpdateStatus': 'Expired'}");
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    session_event(b, "Started", "Authorized", NULL);
}

static void by_a_late_clock_it_ends_when_the_csms_has_told_the_time(void **state) /* H04.FR.01 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    b->now_ms += 7200000;
    b->wall_offset_ms = -86400000; /* the host lost its clock */
    b->link_available = false;
    bench_restart(b);
    bench_advance(b, 3600000);
    assert_int_equal(b->station->reservations.count, 1);
    bench_link_back(b);
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 7, 'reservationUpdateStatus': 'Expired'}");
}

static void of_an_evse_that_is_configured_no_more_it_is_removed(void **state)
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 2, " OF(CARD), "Accepted");
    b->options.evse_count = 1;
    reserving_restart(b);
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 7, 'reservationUpdateStatus': 'Removed'}");
    assert_null(bench_record(b, "reservation", "7"));
}

static void a_reset_keeps_it(void **state) /* B11.FR.05 */
{
    (void)state;
    struct bench_options options = { .evse_count = 2, .abilities = bench_abilities() };
    options.abilities.reset = true;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'Immediate', 'evseId': 1}", "{'status': 'Accepted'}");
    bench_advance(b, 60000);
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Unavailable'}");
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Reserved'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_advance(b, 120000);
    assert_int_equal(bench_count(b, "ReservationStatusUpdate"), 0);
    bench_expect_later(b, "BootNotification", "{}");
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Reserved'}");
    bench_free(b);
}

static void a_reset_when_idle_waits_for_who_is_expected(void **state) /* B12, errata 2.14 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_advance(b, 60000);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    cancel(b, 7, "Accepted");
    bench_advance(b, 60000);
    bench_expect_later(b, "BootNotification", "{}");
}

static void switched_off_it_waits(void **state) /* H01.FR.01 */
{
    struct bench *b = *state;
    reserve(b, 7, "'evseId': 1, " OF(CARD), "Accepted");
    reserve(b, 8, "'evseId': 2, " OF(CARD), "Accepted");
    bench_forget(b);
    session_set(b, "ReservationCtrlr", "Enabled", "false");
    bench_expect_later(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Available'}");
    expect_status(b, 2, "Available");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{}");
    session_event(b, "Started", "Authorized", "'reservationId': null");
    bench_forget(b);
    session_set(b, "ReservationCtrlr", "Enabled", "true");
    bench_expect_later(b, "ReservationStatusUpdate",
                       "{'reservationId': 7, 'reservationUpdateStatus': 'Expired'}");
    expect_status(b, 2, "Reserved");
}

static void the_store_must_have_it_first(void **state)
{
    struct bench *b = *state;
    b->store_refuses = true;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Rejected");
    b->store_refuses = false;
    reserve(b, 1, "'evseId': 1, " OF(CARD), "Accepted");
    b->store_refuses = true;
    cancel(b, 1, "Rejected");
    b->store_refuses = false;
    cancel(b, 1, "Accepted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reserving_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_evse_is_reserved),
        TEST(an_evse_that_is_taken_or_out_of_order_is_not_reserved),
        TEST(who_was_let_in_and_has_not_plugged_in_yet_occupies_it),
        TEST(requests_that_make_no_sense_are_rejected),
        TEST(the_same_id_replaces),
        TEST(a_cancelled_one_is_gone),
        TEST(it_expires),
        TEST(a_reserved_evse_that_fails_is_reserved_no_more),
        TEST(who_is_expected_is_let_in),
        TEST(who_is_not_expected_is_not_let_in),
        TEST(a_member_of_the_group_is_expected),
        TEST(offline_the_group_is_known_by_list_or_cache_or_not_at_all),
        TEST(a_remote_start_must_be_for_who_is_expected),
        TEST(the_group_of_a_remote_start_counts_where_the_csms_names_none_later),
        TEST(the_group_of_a_remote_start_is_not_that_of_the_next_card),
        TEST(a_start_without_any_token_waits_for_who_is_expected),
        TEST(one_evse_is_kept_for_each_that_wants_any),
        TEST(as_many_reservations_as_evses_hold_them_all),
        TEST(who_wants_any_takes_any),
        cmocka_unit_test(without_non_evse_specific_an_evse_must_be_named),
        cmocka_unit_test(a_type_of_connector_is_reserved),
        TEST(when_too_few_are_left_the_newest_goes),
        cmocka_unit_test(so_many_and_no_more),
        TEST(the_csms_sees_how_many_there_are_and_may_be),
        TEST(it_survives_a_power_cut),
        TEST(what_expired_without_power_is_told),
        TEST(by_a_late_clock_it_ends_when_the_csms_has_told_the_time),
        TEST(of_an_evse_that_is_configured_no_more_it_is_removed),
        cmocka_unit_test(a_reset_keeps_it),
        TEST(a_reset_when_idle_waits_for_who_is_expected),
        TEST(switched_off_it_waits),
        TEST(the_store_must_have_it_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
