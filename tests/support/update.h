/* Updates of firmware (block L), on top of the bench.
 *
 *     static void an_update_is_installed(void **state)
 *     {
 *         struct bench *b = *state;                 (UPDATE_TEST: two EVSEs, transactions and downloads beside each other)
 *         struct update_request r = update_usual(11);
 *         update_send(b, &r, "{'status': 'Accepted'}");
 *         update_expect_status(b, 11, "Installed");
 *     }
 *
 * As UPDATE_TEST_UNSIGNED the same function does with an unsigned image what it does with a signed one (L02). The group's fixtures are
 * update_setup_group and update_teardown_group. */
#ifndef TESTS_UPDATE_H
#define TESTS_UPDATE_H

#include "tests/support/bench.h"

#define HOUR_MS 3600000

/* PEM: valid at the bench's time, but for `expired`. */
struct update_certificates {
    const char *root;     /* the manufacturer's */
    const char *signer;   /* signed by it */
    const char *expired;  /* the same, too old */
    const char *stranger; /* signed by itself */
};
const struct update_certificates *update_certificates(void); /* of the group */

struct update_request {
    int id;
    int64_t retrieve_ms, install_ms; /* from now; install_ms 0: absent */
    const char *certificate;         /* PEM; NULL: absent */
    const char *signature;           /* NULL: absent */
    const char *more;                /* members of the request; NULL: none */
    const char *location;            /* NULL: https://files.example/image */
};

/* At once, well signed (or not at all). */
struct update_request update_usual(int id);
/* UpdateFirmware; the answer's payload must contain `expected`. */
void update_send(struct bench *b, const struct update_request *r, const char *expected);

/* The next FirmwareStatusNotification is this. */
void update_next_status(struct bench *b, int id, const char *status);
/* ... or a later one. */
void update_expect_status(struct bench *b, int id, const char *status);
/* ... SignatureVerified, if there is a signature. */
void update_expect_verified(struct bench *b, int id);
void update_expect_no_status(struct bench *b);
/* A trigger makes the station send this FirmwareStatusNotification. */
void update_expect_trigger(struct bench *b, const char *payload);
/* The next SecurityEventNotification of this type, or a later one. */
void update_expect_security_event(struct bench *b, const char *type);

/* A booted station that trusts the root and takes what the test is about: signed images, or unsigned ones too. */
struct bench *update_bench(enum firmware_meanwhile transactions, size_t evses);
bool update_is_unsigned(void); /* what the test is about */

/* cmocka fixtures. */
int update_setup_group(void **state);
int update_teardown_group(void **state);
int update_setup(void **state);
int update_setup_unsigned(void **state);
int update_teardown(void **state);

#define UPDATE_TEST(function) cmocka_unit_test_setup_teardown(function, update_setup, update_teardown)
#define UPDATE_TEST_UNSIGNED(function)                                                                       \
    {                                                                                                        \
#function " (unsigned)", function, update_setup_unsigned, update_teardown, NULL                      \
    }

#endif
