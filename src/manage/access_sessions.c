/* Sessions of browsers: in memory only, known by the hash of their secret. The CSRF token is worked out from the secret, so it is not kept either. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "manage/access_internal.h"

#define IDLE_MS  (30LL * 60 * 1000)
#define WHOLE_MS (12LL * 3600 * 1000)

struct session {
    struct list link;
    uint8_t hash[crypto_generichash_BYTES];
    char user[ACCESS_NAME_SIZE];
    int64_t begun_ms, used_ms; /* monotonic */
};

static void session_free(struct access *access, struct session *session)
{
    list_remove(&session->link);
    access->session_count--;
    sodium_memzero(session, sizeof(*session));
    free(session);
}

void sessions_done(struct access *access)
{
    LIST_FOREACH(link, next, &access->sessions)
    {
        session_free(access, LIST_ITEM(link, struct session, link));
    }
    sodium_memzero(&access->found, sizeof(access->found));
    sodium_memzero(access->csrf_key, sizeof(access->csrf_key));
}

static bool is_over(const struct session *session, int64_t now_ms)
{
    return now_ms - session->used_ms >= IDLE_MS || now_ms - session->begun_ms >= WHOLE_MS;
}

static void drop_old(struct access *access)
{
    int64_t now_ms = env_now_ms(&access->loop->env);
    LIST_FOREACH(link, next, &access->sessions)
    {
        struct session *session = LIST_ITEM(link, struct session, link);
        if (is_over(session, now_ms))
            session_free(access, session);
    }
    if (access->session_count >= ACCESS_MAX_SESSIONS)
        session_free(access, LIST_ITEM(access->sessions.next, struct session, link));
}

static void make_csrf(const struct access *access, const char *secret, char ret[static ACCESS_SECRET_SIZE])
{
    uint8_t hash[SECRET_BYTES];
    (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)secret, strlen(secret), access->csrf_key,
                             sizeof(access->csrf_key));
    (void)sodium_bin2base64(ret, ACCESS_SECRET_SIZE, hash, sizeof(hash),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void describe(const struct access *access, const struct account *user, const char *secret,
                     struct access_session *ret)
{
    (void)str_copy(ret->user, sizeof(ret->user), user->name);
    ret->role = user->role;
    make_csrf(access, secret, ret->csrf);
}

int session_new(struct access *access, const struct account *user, struct access_session *ret)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return -ENOMEM;
    drop_old(access);
    secret_new(ret->secret);
    (void)secret_hash(ret->secret, session->hash);
    (void)str_copy(session->user, sizeof(session->user), user->name);
    session->begun_ms = session->used_ms = env_now_ms(&access->loop->env);
    list_append(&access->sessions, &session->link);
    access->session_count++;
    describe(access, user, ret->secret, ret);
    return 0;
}

static struct session *find(const struct access *access, const char *secret)
{
    uint8_t hash[crypto_generichash_BYTES];
    if (!secret || !secret_hash(secret, hash))
        return NULL;
    LIST_FOREACH(link, next, &access->sessions)
    {
        struct session *session = LIST_ITEM(link, struct session, link);
        if (sodium_memcmp(session->hash, hash, sizeof(hash)) == 0)
            return session;
    }
    return NULL;
}

const struct access_session *access_find_session(struct access *access, const char *secret)
{
    struct session *session = find(access, secret);
    if (!session)
        return NULL;
    int64_t now_ms = env_now_ms(&access->loop->env);
    const struct account *user = accounts_find(&access->users, session->user);
    if (!user || is_over(session, now_ms)) {
        session_free(access, session);
        return NULL;
    }
    session->used_ms = now_ms;
    list_remove(&session->link);
    list_append(&access->sessions, &session->link);
    describe(access, user, secret, &access->found); /* its secret stays "" */
    return &access->found;
}

bool access_csrf_is(const struct access_session *session, const char *csrf)
{
    return session && csrf && secrets_are_equal(session->csrf, csrf);
}

void access_end_session(struct access *access, const char *secret)
{
    struct session *session = find(access, secret);
    if (session)
        session_free(access, session);
}

void sessions_end(struct access *access, const char *user, const char *keep_secret)
{
    const struct session *keep = find(access, keep_secret);
    LIST_FOREACH(link, next, &access->sessions)
    {
        struct session *session = LIST_ITEM(link, struct session, link);
        if (session != keep && str_equal(session->user, user))
            session_free(access, session);
    }
}
