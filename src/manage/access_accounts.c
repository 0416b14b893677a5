#include "manage/access_accounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

static void account_free(struct account *account)
{
    sodium_memzero(account, sizeof(*account));
    free(account);
}

void accounts_done(struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->count; i++)
        account_free(accounts->at[i]);
    accounts->count = 0;
}

bool account_name_is_good(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len < ACCESS_NAME_SIZE &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@") == len &&
           !str_equal(name, ".") && !str_equal(name, "..") && !str_equal(name, ACCESS_LOCAL);
}

/* ---- the table ---- */

/* Where it stands, or would stand. */
static size_t place_of(const struct accounts *accounts, const char *name)
{
    size_t place = 0;
    while (place < accounts->count && strcmp(accounts->at[place]->name, name) < 0)
        place++;
    return place;
}

static struct account *find_any(const struct accounts *accounts, const char *name)
{
    size_t place = place_of(accounts, name);
    struct account *account = place < accounts->count ? accounts->at[place] : NULL;
    return account && str_equal(account->name, name) ? account : NULL;
}

struct account *accounts_find(const struct accounts *accounts, const char *name)
{
    struct account *account = find_any(accounts, name);
    return account && !account->deleted ? account : NULL;
}

size_t accounts_live(const struct accounts *accounts)
{
    size_t live = 0;
    for (size_t i = 0; i < accounts->count; i++)
        live += !accounts->at[i]->deleted;
    return live;
}

/* Deleted ones take room until the store knows: who deletes and makes without end while the disk is full comes to one, too. */
bool accounts_are_full(const struct accounts *accounts)
{
    return accounts_live(accounts) >= ACCOUNTS_MAX || accounts->count >= ARRAY_SIZE(accounts->at);
}

void accounts_remove(struct accounts *accounts, struct account *account)
{
    size_t place = place_of(accounts, account->name);
    account_free(account);
    for (accounts->count--; place < accounts->count; place++)
        accounts->at[place] = accounts->at[place + 1];
}

void accounts_insert(struct accounts *accounts, struct account *account)
{
    struct account *deleted = find_any(accounts, account->name);
    if (deleted)
        accounts_remove(accounts, deleted);
    size_t place = place_of(accounts, account->name);
    for (size_t i = accounts->count++; i > place; i--)
        accounts->at[i] = accounts->at[i - 1];
    accounts->at[place] = account;
}

/* ---- records: "role hash created used expires" ---- */

void account_print(const struct account *account, char ret[static ACCOUNT_VALUE_SIZE])
{
    (void)snprintf(ret, ACCOUNT_VALUE_SIZE, "%s %s %" PRId64 " %" PRId64 " %" PRId64,
                   role_names[account->role], account->hash, account->created_ms, account->used_ms,
                   account->expires_ms);
}

static bool take_word(const char **at, char *ret, size_t size)
{
    size_t len = strcspn(*at, " ");
    if (len == 0 || len >= size)
        return false;
    memcpy(ret, *at, len);
    ret[len] = '\0';
    *at += len + ((*at)[len] == ' ');
    return true;
}

static bool take_time(const char **at, int64_t *ret_ms)
{
    char word[24];
    return take_word(at, word, sizeof(word)) && str_to_int(word, 0, INT64_MAX, ret_ms) == 0;
}

static bool hash_is_good(enum record_kind kind, const char *hash)
{
    size_t len = strlen(hash);
    if (kind == RECORD_USER)
        return len < ACCOUNT_HASH_SIZE && str_starts(hash, crypto_pwhash_STRPREFIX);
    return len == 2 * crypto_generichash_BYTES && strspn(hash, "0123456789ABCDEF") == len;
}

/* Without memory, so that a user is never missing because of it. */
static bool account_parse(struct account *account, enum record_kind kind, const char *value)
{
    char role[16];
    if (!take_word(&value, role, sizeof(role)) || !take_word(&value, account->hash, sizeof(account->hash)) ||
        !take_time(&value, &account->created_ms) || !take_time(&value, &account->used_ms) ||
        !take_time(&value, &account->expires_ms))
        return false;
    account->role = role_from_name(role);
    account->used_stored_ms = account->used_ms;
    return account->role != ROLE_NONE && account->role != ROLES && hash_is_good(kind, account->hash);
}

int accounts_restore(struct accounts *accounts, const char *name, const char *value)
{
    struct account read = { 0 };
    if (!account_name_is_good(name) || !account_parse(&read, accounts->kind, value))
        return -EINVAL;
    if (accounts_are_full(accounts))
        return -E2BIG;
    struct account *account = malloc(sizeof(*account));
    if (!account)
        return -ENOMEM;
    (void)str_copy(read.name, sizeof(read.name), name);
    *account = read;
    accounts_insert(accounts, account);
    return 0;
}

/* ---- for the API ---- */

static int set_time(json_t *object, const char *name, int64_t unix_ms)
{
    if (!name || unix_ms == 0)
        return 0;
    char text[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, text);
    return json_object_set_new(object, name, json_string(text));
}

static json_t *account_to_json(const struct account *account, const char *used, const char *expires)
{
    AUTO(json_t) *object = json_pack("{s:s, s:s}", "name", account->name, "role", role_names[account->role]);
    if (!object || set_time(object, "created", account->created_ms) < 0 ||
        set_time(object, used, account->used_ms) < 0 || set_time(object, expires, account->expires_ms) < 0)
        return NULL;
    return STEAL(object);
}

json_t *accounts_to_json(const struct accounts *accounts, const char *used, const char *expires)
{
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; list && i < accounts->count; i++)
        if (!accounts->at[i]->deleted &&
            json_array_append_new(list, account_to_json(accounts->at[i], used, expires)) < 0)
            return NULL;
    return STEAL(list);
}
