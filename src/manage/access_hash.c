#include "manage/access_hash.h"

#include <errno.h>
#include <string.h>

/* In the pool: touches nothing but the job. */
static int compare(const struct hash_job *job)
{
    size_t len = strlen(job->password);
    char none[crypto_pwhash_STRBYTES];
    errno = 0;
    int r = job->known[0] ? crypto_pwhash_str_verify(job->known, job->password, len)
                          : crypto_pwhash_str(none, job->password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                              crypto_pwhash_MEMLIMIT_INTERACTIVE);
    if (r < 0 && errno == ENOMEM)
        return -ENOMEM;
    return r == 0 && job->known[0] ? 0
                                   : -EACCES; /* no such user: as much work, so that the time does not tell */
}

static void run(uv_work_t *work)
{
    struct hash_job *job = CONTAINER_OF(work, struct hash_job, work);
    job->err = job->compares ? compare(job) : 0;
    if (job->err == 0 && job->makes &&
        crypto_pwhash_str(job->made, job->new_password, strlen(job->new_password),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) < 0)
        job->err = -ENOMEM;
}

static void start_waiting(struct hash_pool *pool);

static void on_run(uv_work_t *work, int status)
{
    struct hash_job *job = CONTAINER_OF(work, struct hash_job, work);
    struct hash_pool *pool = job->pool;
    job->state = HASH_IDLE;
    if (pool) {
        pool->running--;
        start_waiting(pool);
    }
    job->done(job, status < 0 ? -ECANCELED : job->err);
}

static void start_waiting(struct hash_pool *pool)
{
    while (pool->running < HASH_AT_ONCE && !list_is_empty(&pool->waiting)) {
        struct hash_job *job = LIST_ITEM(pool->waiting.next, struct hash_job, link);
        list_remove(&job->link);
        pool->waiting_count--;
        pool->running++;
        job->state = HASH_RUNNING;
        (void)uv_queue_work(&pool->loop->uv, &job->work, run, on_run); /* fails only without `run` */
    }
}

void hash_pool_init(struct hash_pool *pool, struct loop *loop)
{
    pool->loop = loop;
    pool->waiting_count = pool->running = 0;
    list_init(&pool->waiting);
}

int hash_pool_add(struct hash_pool *pool, struct hash_job *job)
{
    if (pool->running == HASH_AT_ONCE && pool->waiting_count == HASH_MAX_WAITING)
        return -EAGAIN;
    job->pool = pool;
    job->state = HASH_WAITING;
    list_append(&pool->waiting, &job->link);
    pool->waiting_count++;
    start_waiting(pool);
    return 0;
}

bool hash_pool_take_out(struct hash_job *job)
{
    if (job->state != HASH_WAITING)
        return false;
    list_remove(&job->link);
    job->pool->waiting_count--;
    job->state = HASH_IDLE;
    return true;
}

void hash_job_orphan(struct hash_job *job)
{
    job->pool = NULL;
    (void)uv_cancel((uv_req_t *)&job->work);
}

void hash_job_wipe(struct hash_job *job)
{
    sodium_memzero(job->password, sizeof(job->password));
    sodium_memzero(job->new_password, sizeof(job->new_password));
    sodium_memzero(job->known, sizeof(job->known));
    sodium_memzero(job->made, sizeof(job->made));
}
