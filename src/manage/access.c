/* The whole of access, and tokens of machines. What takes its time (logins, changes of users) is in access_change.c. */
#include "manage/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "manage/access_internal.h"

#define LONG_WAIT_MS  (15LL * 60 * 1000)
#define SHORT_WAIT_MS 4000LL
#define PLACES_MS     (90LL * 24 * 3600 * 1000)
#define TOKEN_USED_MS                                                                                        \
    (3600LL * 1000) /* that a token was used is stored once in this time: it may be each second */

const char *const role_names[ROLES] = {
    [ROLE_NONE] = "none",
    [ROLE_VIEWER] = "viewer",
    [ROLE_OPERATOR] = "operator",
    [ROLE_ADMIN] = "admin",
};

enum role role_from_name(const char *name)
{
    int role = 0;
    while (role < ROLES && !str_equal(role_names[role], name))
        role++;
    return (enum role)role;
}

/* ---- secrets ---- */

void secret_new(char ret[static ACCESS_SECRET_SIZE])
{
    uint8_t bytes[SECRET_BYTES];
    randombytes_buf(bytes, sizeof(bytes));
    (void)sodium_bin2base64(ret, ACCESS_SECRET_SIZE, bytes, sizeof(bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));
}

bool secret_hash(const char *secret, uint8_t ret[static crypto_generichash_BYTES])
{
    size_t len = strnlen(secret, ACCESS_SECRET_SIZE);
    if (len != ACCESS_SECRET_SIZE - 1)
        return false;
    return crypto_generichash(ret, crypto_generichash_BYTES, (const uint8_t *)secret, len, NULL, 0) == 0;
}

bool secrets_are_equal(const char *a, const char *b)
{
    size_t len = strlen(a);
    return strlen(b) == len && sodium_memcmp(a, b, len) == 0;
}

/* ---- the whole ---- */

static void on_soon(struct timer *timer, void *ctx)
{
    (void)timer;
    access_run(ctx);
}

static void on_again(struct timer *timer, void *ctx)
{
    (void)timer;
    access_flush(ctx);
}

void access_wake(struct access *access)
{
    timer_start_at(&access->soon, access->loop->timers.now_ms); /* has come already: at the next turn */
}

int access_new(struct loop *loop, struct store *store, struct access **ret)
{
    if (sodium_init() < 0)
        return -EIO;
    AUTO(access) *access = calloc(1, sizeof(*access));
    if (!access)
        return -ENOMEM;
    access->loop = loop;
    access->store = store;
    access->users.kind = RECORD_USER;
    access->tokens.kind = RECORD_API_TOKEN;
    list_init(&access->sessions);
    list_init(&access->jobs);
    list_init(&access->changes);
    for (int key = 0; key < TRIES; key++)
        throttle_init(&access->tries[key], &loop->env, key == TRIES_BY_PAIR ? LONG_WAIT_MS : SHORT_WAIT_MS,
                      THROTTLE_FORGET_MS);
    throttle_init(&access->places, &loop->env, 0, PLACES_MS);
    throttle_init(&access->by_token_peer, &loop->env, LONG_WAIT_MS, THROTTLE_FORGET_MS);
    hash_pool_init(&access->pool, loop);
    timer_init(&access->soon, &loop->timers, on_soon, access);
    timer_init(&access->again, &loop->timers, on_again, access);
    randombytes_buf(access->csrf_key, sizeof(access->csrf_key));

    int r = access_load(access);
    if (r < 0) {
        log_error(LOG_STORE, "users of the management API cannot be read: %s", err_text(r));
        return r;
    }
    *ret = STEAL(access);
    return 0;
}

void access_free(struct access *access)
{
    if (!access)
        return;
    timer_stop(&access->soon);
    timer_stop(&access->again);
    access_flush_last(access);
    access_jobs_done(access);
    store_forget(access->store, access);
    sessions_done(access);
    accounts_done(&access->users);
    accounts_done(&access->tokens);
    sodium_memzero(access, sizeof(*access));
    free(access);
}

const char *access_setup_token(const struct access *access)
{
    return access->setup_token[0] ? access->setup_token : NULL;
}

/* ---- users, as far as it takes no time ---- */

int access_delete_user(struct access *access, const char *user)
{
    struct account *account = accounts_find(&access->users, user);
    if (!account)
        return -ENOENT;
    if (account->role == ROLE_ADMIN && !access_has_admin_besides(access, user))
        return -EPERM;
    account->deleted = account->dirty = true;
    access_overtake_change(access, user);
    sessions_end(access, user, NULL);
    access_flush(access);
    return 0;
}

json_t *access_users(const struct access *access)
{
    return accounts_to_json(&access->users, "lastLogin", NULL);
}

/* ---- tokens ---- */

static int check_new_token(const struct access *access, const char *name, enum role role, int64_t expires_ms)
{
    if (!account_name_is_good(name) || role == ROLE_NONE || (unsigned)role >= ROLES ||
        (expires_ms != 0 && expires_ms <= env_wall_ms(&access->loop->env)))
        return -EINVAL;
    if (accounts_find(&access->tokens, name) || accounts_find(&access->users, name))
        return -EEXIST;
    return accounts_are_full(&access->tokens) ? -E2BIG : 0;
}

static void hash_to_text(const uint8_t hash[static crypto_generichash_BYTES],
                         char ret[static ACCOUNT_HASH_SIZE])
{
    hex_encode(hash, crypto_generichash_BYTES, ret, ACCOUNT_HASH_SIZE);
}

int access_new_token(struct access *access, const char *name, enum role role, int64_t expires_ms,
                     char ret_secret[static ACCESS_SECRET_SIZE])
{
    int r = check_new_token(access, name, role, expires_ms);
    if (r < 0)
        return r;
    struct account *token = calloc(1, sizeof(*token));
    if (!token)
        return -ENOMEM;
    uint8_t hash[crypto_generichash_BYTES];
    secret_new(ret_secret);
    (void)secret_hash(ret_secret, hash);
    hash_to_text(hash, token->hash);
    (void)str_copy(token->name, sizeof(token->name), name);
    token->role = role;
    token->created_ms = env_wall_ms(&access->loop->env);
    token->expires_ms = expires_ms;
    token->dirty = true;
    accounts_insert(&access->tokens, token);
    access_flush(access);
    return 0;
}

int access_delete_token(struct access *access, const char *name)
{
    struct account *token = accounts_find(&access->tokens, name);
    if (!token)
        return -ENOENT;
    token->deleted = token->dirty = true;
    access_flush(access);
    return 0;
}

static bool has_expired(const struct account *token, int64_t now_ms)
{
    return token->expires_ms != 0 && token->expires_ms <= now_ms;
}

bool access_has_token(const struct access *access, const char *name)
{
    const struct account *token = accounts_find(&access->tokens, name);
    return token && !has_expired(token, env_wall_ms(&access->loop->env));
}

json_t *access_tokens(const struct access *access)
{
    return accounts_to_json(&access->tokens, "lastUsed", "expires");
}

static struct account *find_token(const struct access *access, const char *secret)
{
    uint8_t hash[crypto_generichash_BYTES];
    char text[ACCOUNT_HASH_SIZE];
    if (!secret_hash(secret, hash))
        return NULL;
    hash_to_text(hash, text);
    for (size_t i = 0; i < access->tokens.count; i++) {
        struct account *token = access->tokens.at[i];
        if (!token->deleted && secrets_are_equal(token->hash, text))
            return token;
    }
    return NULL;
}

static void note_use(struct access *access, struct account *token, int64_t now_ms)
{
    token->used_ms = now_ms;
    int64_t since_ms = now_ms - token->used_stored_ms;
    if (since_ms >= 0 && since_ms < TOKEN_USED_MS)
        return;
    token->dirty = true;
    access_flush(access);
}

/* A right one is never kept waiting: it cannot be guessed, and its machine may share an address with one whose token is wrong. */
enum role access_find_token(struct access *access, const char *secret, const char *peer,
                            char ret_name[static ACCESS_NAME_SIZE], int *ret_retry_after_s)
{
    int64_t now_ms = env_wall_ms(&access->loop->env);
    struct account *token = find_token(access, secret);
    *ret_retry_after_s = 0;
    ret_name[0] = '\0';
    if (token && has_expired(token, now_ms))
        return ROLE_NONE;
    if (token) {
        note_use(access, token, now_ms);
        (void)str_copy(ret_name, ACCESS_NAME_SIZE, token->name);
        return token->role;
    }
    char key[THROTTLE_PEER_SIZE];
    throttle_peer_key(peer ? peer : "", key);
    if (!key[0])
        return ROLE_NONE;
    int64_t wait_ms = throttle_wait_ms(&access->by_token_peer, key);
    *ret_retry_after_s = (int)((wait_ms + 999) / 1000);
    if (wait_ms == 0)
        throttle_count(&access->by_token_peer, key);
    return ROLE_NONE;
}
