/* Users and tokens from and to the store, where they are of no station: "". */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "manage/access_internal.h"

#define FLUSH_AT_ONCE 16
#define AGAIN_MS      10000

struct reading {
    struct access *access;
    bool has_users; /* readable or not: a damaged record does not open the setup */
    int err;
};

static void on_record(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct reading *reading = ctx;
    struct access *access = reading->access;
    struct accounts *accounts = kind == RECORD_USER        ? &access->users
                                : kind == RECORD_API_TOKEN ? &access->tokens
                                                           : NULL;
    if (!accounts || reading->err == -ENOMEM)
        return;
    reading->has_users = reading->has_users || kind == RECORD_USER;
    int r = accounts_restore(accounts, key, value);
    if (r == -ENOMEM)
        reading->err = r;
    else if (r < 0)
        log_warn(LOG_STORE, "a record cannot be read and is left out: kind=%s name=%s",
                 record_kind_names[kind], key);
}

int access_load(struct access *access)
{
    struct reading reading = { .access = access };
    int r = store_read(access->store, "", on_record, &reading);
    if (r < 0 || reading.err < 0)
        return r < 0 ? r : reading.err;
    if (!reading.has_users)
        secret_new(access->setup_token);
    return 0;
}

struct flush {
    size_t count;
    struct record records[FLUSH_AT_ONCE];
    char values[FLUSH_AT_ONCE][ACCOUNT_VALUE_SIZE];
};

static void gather(const struct access *access, struct accounts *accounts, struct flush *flush)
{
    for (size_t i = 0; i < accounts->count && flush->count < FLUSH_AT_ONCE; i++) {
        struct account *account = accounts->at[i];
        if (!account->dirty || (accounts == &access->users && access_is_changing(access, account->name)))
            continue;
        char *value = flush->values[flush->count];
        account_print(account, value);
        flush->records[flush->count++] =
            (struct record){ accounts->kind, account->name, account->deleted ? NULL : value };
        account->dirty = false;
        account->writing = true;
        account->used_stored_ms = account->used_ms;
    }
}

static void end_writing(struct accounts *accounts, int err)
{
    for (size_t i = accounts->count; i-- > 0;) {
        struct account *account = accounts->at[i];
        account->dirty = account->dirty || (account->writing && err < 0);
        account->writing = false;
        if (account->deleted && !account->dirty)
            accounts_remove(accounts, account);
    }
}

static void end_flush(struct access *access, int err)
{
    end_writing(&access->users, err);
    end_writing(&access->tokens, err);
    if (err < 0 && !access->store_fails)
        log_error(LOG_STORE,
                  "users and tokens of the management API cannot be stored and are tried again: %s",
                  err_text(err));
    access->store_fails = err < 0;
    if (err < 0)
        env_timer_start(&access->loop->env, &access->again, AGAIN_MS);
}

static void on_flushed(void *ctx, int err)
{
    struct access *access = ctx;
    access->flushing = false;
    end_flush(access, err);
    if (err == 0)
        access_flush(access);
}

void access_flush(struct access *access)
{
    struct flush flush = { 0 };
    if (access->flushing)
        return;
    gather(access, &access->users, &flush);
    gather(access, &access->tokens, &flush);
    if (flush.count == 0)
        return;
    int r = store_write(access->store, "", flush.records, flush.count, on_flushed, access);
    access->flushing = r == 0;
    if (r < 0)
        end_flush(access, r);
}

void access_flush_last(struct access *access)
{
    struct flush flush;
    int r = 0;
    do {
        flush.count = 0;
        gather(access, &access->users, &flush);
        gather(access, &access->tokens, &flush);
        if (flush.count > 0)
            r = store_write(access->store, "", flush.records, flush.count, NULL, NULL);
    } while (flush.count > 0 && r == 0);
    if (r < 0)
        log_error(LOG_STORE, "users and tokens of the management API could not be stored: %s", err_text(r));
}
