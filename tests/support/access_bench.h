/* Access on a real store and a real pool, in virtual time: what is asked is waited for. */
#ifndef SUPPORT_ACCESS_BENCH_H
#define SUPPORT_ACCESS_BENCH_H

#include "manage/access.h"

#define MINUTE_MS (60LL * 1000)
#define HOUR_MS   (60 * MINUTE_MS)
#define PEER      "192.0.2.1"
#define PASSWORD  "correct horse"

struct access_bench {
    char directory[64], path[96];
    struct loop loop;
    struct store *store;
    struct access *access;
    int64_t now_ms, wall_ms;
    int answers;
    struct access_result last; /* its session is ... */
    struct access_session session;
};

int access_bench_set_up(void **state);
int access_bench_tear_down(void **state);
/* As after a new start of the program. */
void access_bench_restart(struct access_bench *b);
void access_bench_pass(struct access_bench *b, int64_t ms);
/* For access_done; ctx is the bench. */
void access_bench_on_answer(void *ctx, const struct access_result *result);
/* Runs the loop until there were so many answers; none has come so far. Returns the last one's err. */
int access_bench_wait(struct access_bench *b, int answers);
/* Until the store has what it was given. */
void access_bench_settle(struct access_bench *b);

int access_bench_login(struct access_bench *b, const char *user, const char *password, const char *peer);
/* A session without a login, which takes its time. */
void access_bench_add_session(struct access_bench *b, const char *user);
int access_bench_put(struct access_bench *b, const char *user, const char *password, enum role role,
                     bool is_new);
int access_bench_set_up_first(struct access_bench *b, const char *token, const char *user,
                              const char *password);

#endif
