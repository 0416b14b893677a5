/* Who may use the management API, and as what: users with passwords, sessions of browsers, tokens of machines.
 *
 * Passwords are argon2id (libsodium), made and compared in libuv's pool, never on the loop. Sessions and tokens are random and kept as hashes;
 * sessions in memory (30 min without use, 12 h at most), users and tokens as records of the store. Times through struct env. */
#ifndef MANAGE_ACCESS_H
#define MANAGE_ACCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"
#include "store/store.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, ROLES };
#define ACCESS_LOCAL "local"                /* who may open the Unix socket, or signal the process */
extern const char *const role_names[ROLES]; /* "none", "viewer", "operator", "admin" */
/* ROLES if it is none. */
enum role role_from_name(const char *name);

#define ACCESS_NAME_SIZE                                                                                     \
    65 /* of one user or one token (the audit log tells them apart by it): 1..64 of A-Z a-z 0-9 . _ - @, but not ".", "..", "local" */
#define ACCESS_MAX_USERS    200
#define ACCESS_MAX_TOKENS   200
#define ACCESS_MAX_SESSIONS 1000 /* the one unused longest makes room */
#define ACCESS_SECRET_SIZE                                                                                   \
    44 /* base64url of 32 random bytes and the 0 byte: session, CSRF token, bearer token, setup token */
#define ACCESS_PASSWORD_MIN 10
#define ACCESS_PASSWORD_MAX 256

struct access;

/* Reads users and tokens from the store (station ""). 0 or -errno, logged. */
int access_new(struct loop *loop, struct store *store, struct access **ret);
/* Answers that are under way come no more. */
void access_free(struct access *access);
DEFINE_AUTO(access, access_free)

/* No user is there yet: the first one is made with the setup token, which is random, new at each start, and NULL once there is a user. */
const char *access_setup_token(const struct access *access);

/* A session of a browser. */
struct access_session {
    char user[ACCESS_NAME_SIZE];
    enum role role;
    char secret[ACCESS_SECRET_SIZE]; /* for the cookie; only in access_done */
    char csrf[ACCESS_SECRET_SIZE];   /* for the header of every request that changes something */
};

/* err: 0; -EACCES (wrong user, password or setup token, one message for all), -EAGAIN (too many tries: retry_after_s), -EINVAL (name or password
 * breaks the rules: `text` says which), -EEXIST, -ENOENT, -E2BIG (too many), -EPERM (the last admin stays), -ENOMEM, -EIO. */
struct access_result {
    int err;
    const char *text;                     /* for the user, never NULL */
    int retry_after_s;                    /* with -EAGAIN */
    const struct access_session *session; /* of a login or setup that went well; borrowed */
};
typedef void (*access_done)(void *ctx, const struct access_result *result);

/* What is asked for a user. Texts are borrowed for the call. */
struct access_change {
    const char *user, *password; /* the password it gets */
    const char *setup_token;     /* of access_setup() */
    const char *old_password;    /* of access_change_password() */
    enum role role;              /* the role it gets, of access_put_user(); as is_new */
    bool is_new;
    const char *keep_session; /* secret of the session that does not end, or NULL */
    const char *peer;         /* the client's address; "" or NULL: this host */
};

/* Each comes to its end in `done`, once, never from inside, unless access_forget(ctx). `peer` is the client's address: tries are counted per
 * user and per address (after 5 wrong ones 1 s, 2 s, 4 s ... 15 min; forgotten after an hour without). -EAGAIN, too, while 34 passwords are
 * being hashed. */
void access_setup(struct access *access, const struct access_change *change, access_done done, void *ctx);
void access_login(struct access *access, const char *user, const char *password, const char *peer,
                  access_done done, void *ctx);
/* Makes a user, or changes one: password NULL: stays; role ROLE_NONE: stays; a changed password or role ends the user's sessions (all but `keep_session`).
 * is_new: it must not exist yet, and needs both; else it must exist. */
void access_put_user(struct access *access, const struct access_change *change, access_done done, void *ctx);
/* Changes one's own password; the old one is asked for, and tries are counted. */
void access_change_password(struct access *access, const struct access_change *change, access_done done,
                            void *ctx);
void access_forget(struct access *access, const void *ctx);

/* 0, -ENOENT, -EPERM (the last admin stays). Ends the user's sessions. */
int access_delete_user(struct access *access, const char *user);
/* [{name, role, created, lastLogin?}], times RFC 3339; new reference or NULL. */
json_t *access_users(const struct access *access);

/* Session of the cookie's secret, which counts as used now; NULL: none. Compared in constant time. Borrowed until the next call. */
const struct access_session *access_find_session(struct access *access, const char *secret);
bool access_csrf_is(const struct access_session *session, const char *csrf);
void access_end_session(struct access *access, const char *secret);

/* A token of a machine. expires_ms: Unix time, 0: never. `ret_secret` gets it, this once. 0, -EINVAL, -EEXIST, -E2BIG, -ENOMEM, -EIO. */
int access_new_token(struct access *access, const char *name, enum role role, int64_t expires_ms,
                     char ret_secret[static ACCESS_SECRET_SIZE]);
/* 0 or -ENOENT. */
int access_delete_token(struct access *access, const char *name);
/* Whether there is such a token that has not expired. */
bool access_has_token(const struct access *access, const char *name);
/* [{name, role, created, expires?, lastUsed?}] */
json_t *access_tokens(const struct access *access);
/* The role, and the token's name in `ret_name`; ROLE_NONE: no such token, or expired. Wrong ones of a `peer` are counted as logins are, but by
 * themselves: then ROLE_NONE, too, and *ret_retry_after_s > 0. A right one, which cannot be guessed, never waits. */
enum role access_find_token(struct access *access, const char *secret, const char *peer,
                            char ret_name[static ACCESS_NAME_SIZE], int *ret_retry_after_s);

#endif
