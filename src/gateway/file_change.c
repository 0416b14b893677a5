#include "gateway/file_change.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/hash.h"

struct file_change {
    uv_work_t work;
    struct gateway *gateway;
    file_changed callback; /* NULL: nobody waits */
    void *ctx;
    char *path, *text, *old; /* old NULL: there was no file */
    struct stat old_status;
    char etag[FILE_ETAG_SIZE];
    bool has_etag, keep_old, reload;
    unsigned mode;
    const char *failed; /* what could not be done */
    int err;
    struct problems problems;
    char *config_path;     /* of a reload, and what was read for it: */
    struct config *config; /* NULL: none, for the reason below */
    int config_err;
    uint64_t generation;
};

void file_etag(const char *text, char ret[FILE_ETAG_SIZE])
{
    struct buf out;
    buf_init(&out, FILE_ETAG_SIZE);
    hash_texts(&out, &text, 1);
    (void)str_copy(ret, FILE_ETAG_SIZE, out.err == 0 ? buf_string(&out) : "");
    buf_done(&out);
}

static void change_free(struct file_change *c)
{
    if (!c)
        return;
    if (c->gateway && c->gateway->change == c)
        c->gateway->change = NULL;
    problems_done(&c->problems);
    free(c->path);
    free(c->text);
    free(c->old);
    free(c->config_path);
    config_free(c->config);
    free(c);
}
DEFINE_AUTO(file_change, change_free)

/* ---- in the pool: nothing is touched but the change and its files ---- */

/* A link stays one, and what it leads to is changed. */
static int resolve(struct file_change *c)
{
    char *real = realpath(c->path, NULL);
    if (!real)
        return errno == ENOENT ? 0 : -errno;
    free(c->path);
    c->path = real;
    return 0;
}

static int read_old(struct file_change *c)
{
    size_t len = 0;
    char etag[FILE_ETAG_SIZE] = "";
    c->failed = "cannot be read";
    int r = resolve(c);
    if (r == 0)
        r = file_read(c->path, CONFIG_MAX_BYTES, &c->old, &len);
    if (r == -ENOENT && !c->etag[0])
        return c->text ? 0 : r;
    if (r < 0)
        return r == -ENOENT ? -ESTALE : r;
    if (stat(c->path, &c->old_status) < 0)
        return -errno;
    if (!c->has_etag)
        return 0;
    file_etag(c->old, etag);
    return etag[0] && str_equal(etag, c->etag) ? 0 : -ESTALE;
}

static int keep_old(struct file_change *c)
{
    AUTO_FREE char *path = NULL;
    if (!c->keep_old || !c->old)
        return 0;
    if (asprintf(&path, "%s.bak", c->path) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    c->failed = "cannot be copied to a file beside it (.bak)";
    return file_write(path, c->old, &c->old_status, 0);
}

static void write_new(uv_work_t *work)
{
    struct file_change *c = CONTAINER_OF(work, struct file_change, work);
    c->err = read_old(c);
    if (c->err == 0)
        c->err = keep_old(c);
    if (c->err < 0)
        return;
    c->failed = c->text ? "cannot be written" : "cannot be removed";
    c->err = c->text ? file_write(c->path, c->text, c->old ? &c->old_status : NULL, c->mode)
                     : file_remove(c->path);
    if (c->err == 0 && c->reload)
        c->config_err = config_load(c->config_path, &c->problems, &c->config);
}

static void write_old(uv_work_t *work)
{
    struct file_change *c = CONTAINER_OF(work, struct file_change, work);
    int r = c->old ? file_write(c->path, c->old, &c->old_status, 0) : file_remove(c->path);
    if (r < 0)
        c->failed = err_text(r);
}

/* ---- on the loop ---- */

/* The end of the change. The callback may start the next. */
static void finish(struct file_change *change)
{
    AUTO(file_change) *c = change;
    if (c->gateway)
        c->gateway->change = NULL;
    if (c->callback)
        c->callback(c->ctx, c->err, &c->problems);
}

static void on_old(uv_work_t *work, int status)
{
    struct file_change *c = CONTAINER_OF(work, struct file_change, work);
    if (status < 0 || c->failed)
        log_error(LOG_GATEWAY, "the file could not be put back as it was: path=%s error=\"%s\"", c->path,
                  c->failed ? c->failed : err_text(status));
    finish(c);
}

static void put_back(struct file_change *c, uv_loop_t *loop)
{
    c->failed = NULL;
    if (uv_queue_work(loop, &c->work, write_old, on_old) < 0)
        on_old(&c->work, -ENOMEM);
}

/* Nothing was changed. */
static void give_up(struct file_change *c)
{
    if (c->err == -ESTALE)
        problems_add(&c->problems, c->path, 0, NULL, FILE_STALE);
    else if (c->err == -EBUSY) /* of rename() */
        problems_add(&c->problems, c->path, 0, NULL,
                     "cannot be replaced, since it is mounted by itself; mount its directory instead");
    else
        problems_add(&c->problems, c->path, 0, NULL, "%s: %s", c->failed, err_text(c->err));
    finish(c);
}

static void on_new(uv_work_t *work, int status)
{
    struct file_change *c = CONTAINER_OF(work, struct file_change, work);
    struct gateway *gateway = c->gateway;
    if (status < 0)
        c->err = -ECANCELED;
    if (c->err < 0) {
        give_up(c);
        return;
    }
    if (!gateway || gateway->stopping) { /* whether it would have been taken is not known */
        c->err = -ECANCELED;
        put_back(c, work->loop);
        return;
    }
    if (c->reload)
        c->err =
            gateway_put_into_force(gateway, c->generation, c->config_err, STEAL(c->config), &c->problems);
    if (c->err == 0) {
        log_info(LOG_GATEWAY, "file was %s: path=%s", c->text ? "written" : "removed", c->path);
        finish(c);
        return;
    }
    if (c->problems.count == 0)
        problems_add(&c->problems, c->path, 0, NULL, "is refused: %s", err_text(c->err));
    put_back(c, work->loop);
}

int file_change_start(struct gateway *gateway, const struct file_change_request *request,
                      file_changed callback, void *ctx)
{
    if (gateway->change)
        return -EBUSY;
    AUTO(file_change) *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    problems_init(&c->problems);
    c->failed = "cannot be changed";
    c->callback = callback;
    c->ctx = ctx;
    c->keep_old = request->keep_old;
    c->reload = request->reload;
    c->mode = request->mode;
    c->generation = gateway->generation;
    c->path = strdup(request->path);
    c->text = request->text ? strdup(request->text) : NULL;
    c->config_path = strdup(gateway->config_path);
    if (!c->path || (request->text && !c->text) || !c->config_path)
        return -ENOMEM;
    c->has_etag = request->etag != NULL;
    if (c->has_etag && str_copy(c->etag, sizeof(c->etag), request->etag) < 0)
        return -ESTALE;
    int r = uv_queue_work(&gateway->loop.uv, &c->work, write_new, on_new);
    if (r < 0)
        return r;
    c->gateway = gateway;
    gateway->change = STEAL(c);
    return 0;
}

void file_change_forget(struct gateway *gateway)
{
    if (!gateway->change)
        return;
    gateway->change->callback = NULL;
    gateway->change->gateway = NULL;
    gateway->change = NULL;
}
