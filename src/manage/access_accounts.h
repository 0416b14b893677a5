/* Users, or tokens of machines: who there is, kept in memory and as records of the store.
 *
 * A user's password and role come to memory when the store has them (access_change.c). Everything else (a deletion, a token, when somebody was here last) is
 * true at once and the account is `dirty` until the store has it; what the store does not take is tried again. */
#ifndef MANAGE_ACCESS_ACCOUNTS_H
#define MANAGE_ACCESS_ACCOUNTS_H

#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>

#include "base/record.h"
#include "manage/access.h"

#define ACCOUNT_HASH_SIZE  crypto_pwhash_STRBYTES
#define ACCOUNT_VALUE_SIZE 384
#define ACCOUNTS_MAX       200

struct account {
    char name[ACCESS_NAME_SIZE];
    enum role role;
    char hash[ACCOUNT_HASH_SIZE]; /* of the password, as crypto_pwhash_str() gives it; of the token, in hex */
    int64_t created_ms, used_ms, expires_ms; /* Unix time; 0: never */
    int64_t used_stored_ms;                  /* used_ms as the store has it */
    bool deleted;                            /* only the store does not know yet */
    bool dirty, writing;                     /* memory is ahead of the store; a write is under way */
};
_Static_assert(ACCESS_MAX_USERS <= ACCOUNTS_MAX && ACCESS_MAX_TOKENS <= ACCOUNTS_MAX, "room for all");

struct accounts {
    enum record_kind kind;                /* RECORD_USER or RECORD_API_TOKEN */
    size_t count;                         /* with the deleted ones */
    struct account *at[2 * ACCOUNTS_MAX]; /* by name; owned */
};

void accounts_done(struct accounts *accounts);
/* From a record of the store. 0, -EINVAL, -ENOMEM, -E2BIG. */
int accounts_restore(struct accounts *accounts, const char *name, const char *value);
/* NULL: there is none, or it was deleted. */
struct account *accounts_find(const struct accounts *accounts, const char *name);
size_t accounts_live(const struct accounts *accounts);
bool accounts_are_full(const struct accounts *accounts);
/* Takes the account; one of the same name that was deleted goes. Only if not full. */
void accounts_insert(struct accounts *accounts, struct account *account);
void accounts_remove(struct accounts *accounts, struct account *account);

/* The value of its record. */
void account_print(const struct account *account, char ret[static ACCOUNT_VALUE_SIZE]);
/* [{name, role, created, and the members of this name where there is something to tell}] */
json_t *accounts_to_json(const struct accounts *accounts, const char *used, const char *expires);

/* 1..64 of A-Z a-z 0-9 . _ - @; not "." and "..", which no URL can name, nor "local", who the Unix socket's are. */
bool account_name_is_good(const char *name);

#endif
