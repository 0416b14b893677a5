/* What a slow CSMS, a hurried driver or a forgetful device must not bring about: energy without authorization, energy billed twice,
 * events that never leave. */
#include "tests/support/session.h"

#include <stdlib.h>

static int setup(void **state)
{
    *state = session_points("Authorized,EVConnected", "Authorized,EVConnected");
    return 0;
}

/* ---- an answer belongs to the token it was asked for ---- */

static void an_answer_for_a_card_taken_back_does_not_authorize_a_remote_start(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    session_plug(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE); /* the driver leaves; nobody has answered */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 7, 'idToken': {'idToken': '04FFFFFF', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_no_command(b);
    bench_expect_later(b, "Authorize", "{'idToken': {'idToken': '04FFFFFF'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_expect_no_command(b);
}

static void an_answer_for_a_card_that_would_stop_does_not_start_another(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_answer(b, "Authorize", BENCH_SILENCE);
    bench_token(b, 1, "04CCCCCC", "ISO14443"); /* perhaps of the same group */
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, "04EEEEEE", "ISO14443");
    bench_forget(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_no_command(b);
    bench_expect_later(b, "Authorize", "{'idToken': {'idToken': '04EEEEEE'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_command(b, 1, EVSE_START);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_for_a_card_taken_back_does_not_authorize_a_remote_start),
        TEST(an_answer_for_a_card_that_would_stop_does_not_start_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
