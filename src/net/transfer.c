/* Objects, files and threads of transfers. The loop's side opens the file, starts a thread, is woken by uv_async when the thread has
 * done, joins it and tells the end. What is broken off lives on without its owner until then. */
#include "net/transfer.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/transfer_internal.h"
#include "net/url.h"

#define STACK_SIZE (1024L * 1024)

/* ---- URLs ---- */

static bool is_known_scheme(const char *scheme)
{
    static const char *const known[] = { "ftp", "ftps", "http", "https", "sftp" };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (scheme && str_equal_ci(scheme, known[i]))
            return true;
    return false;
}

bool transfer_url_is_valid(const char *url)
{
    size_t len = strnlen(url, TRANSFER_URL_MAX + 1);
    if (len > TRANSFER_URL_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || url[i] == 0x7f)
            return false;

    const char *host_at = strstr(url, "://");
    if (!host_at || host_at[3] == '/') /* libcurl would take the first directory for the host */
        return false;

    CURLU *u = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    bool valid = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && is_known_scheme(scheme) &&
                 curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0];
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return valid;
}

/* The URL to use: with the file's name if it is that of a directory, or of nothing but a host. The caller's, or NULL. */
static char *target_url(const struct transfer_settings *s)
{
    struct buf url;
    const char *host = strstr(s->url, "://");
    buf_init(&url, (size_t)8 * TRANSFER_URL_MAX);
    buf_text(&url, s->url);
    if (s->is_upload && host && !host[3 + strcspn(host + 3, "/?#")])
        buf_text(&url, "/");
    if (s->is_upload && s->name && url.len && url.data[url.len - 1] == '/')
        url_append_segment(&url, s->name);
    return buf_steal(&url);
}

/* ---- the file ---- */

static int open_file(struct transfer *t)
{
    struct stat st;
    t->fd = t->is_upload
                ? open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                : open(t->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL; /* a device, say, is neither emptied nor removed */
    t->size = st.st_size;
    if (!t->is_upload && (fchmod(t->fd, 0600) < 0 || ftruncate(t->fd, 0) < 0))
        return -errno;
    return 0;
}

static void remove_download(const struct transfer *t)
{
    if (!t->is_upload && unlink(t->path) < 0 && errno != ENOENT)
        log_warn(LOG_NET, "cannot remove what was not downloaded whole: file=%s: %s", t->path,
                 err_text(-errno));
}

/* ---- sockets: shut down from outside, a thread that waits for a peer wakes at once ---- */

int transfer_note_socket(struct transfer *t, int fd)
{
    int r = -ECANCELED;
    uv_mutex_lock(&t->all->mutex);
    for (size_t i = 0; r < 0 && i < TRANSFER_SOCKETS && !atomic_load(&t->cancelled); i++)
        if (t->sockets[i] < 0) {
            t->sockets[i] = fd;
            r = 0;
        }
    uv_mutex_unlock(&t->all->mutex);
    return r;
}

void transfer_forget_socket(struct transfer *t, int fd)
{
    uv_mutex_lock(&t->all->mutex);
    for (size_t i = 0; i < TRANSFER_SOCKETS; i++)
        if (t->sockets[i] == fd)
            t->sockets[i] = -1;
    uv_mutex_unlock(&t->all->mutex);
}

static void cancel(struct transfer *t)
{
    uv_mutex_lock(&t->all->mutex);
    atomic_store(&t->cancelled, true);
    for (size_t i = 0; i < TRANSFER_SOCKETS; i++)
        if (t->sockets[i] >= 0)
            (void)shutdown(t->sockets[i], SHUT_RDWR);
    uv_mutex_unlock(&t->all->mutex);
}

/* ---- threads ---- */

static void run(void *ctx)
{
    struct transfer *t = ctx;
    sigset_t all;
    sigfillset(&all); /* SIGPIPE and SIGXFSZ become errors, the others are for the loop's thread */
    pthread_sigmask(SIG_SETMASK, &all, NULL);

    transfer_perform(t);

    struct transfers *transfers = t->all;
    uv_mutex_lock(&transfers->mutex);
    list_append(&transfers->over, &t->over_link);
    (void)uv_async_send(&transfers->async); /* inside the lock: afterwards `transfers` may be gone */
    uv_mutex_unlock(&transfers->mutex);
}

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void destroy(struct transfer *t)
{
    list_remove(&t->link);
    if (t->fd >= 0)
        close(t->fd);
    free_secret(t->url);
    free_secret(t->form_url);
    free(t->name);
    free(t->path);
    free(t->ca_pem);
    free(t->known_hosts);
    free(t);
}

static void start_waiting(struct transfers *transfers)
{
    const uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_SIZE };
    while (transfers->running_count < TRANSFERS_AT_ONCE && !list_is_empty(&transfers->waiting)) {
        struct transfer *t = LIST_ITEM(transfers->waiting.next, struct transfer, link);
        list_remove(&t->link);
        list_append(&transfers->running, &t->link);
        transfers->running_count++;
        t->state = TRANSFER_RUNS;
        t->started = uv_thread_create_ex(&t->thread, &options, run, t) == 0;
        if (t->started)
            continue;
        t->err = -EAGAIN;
        (void)str_copy(t->text, sizeof(t->text), "no thread to be had");
        uv_mutex_lock(&transfers->mutex);
        list_append(&transfers->over, &t->over_link);
        uv_mutex_unlock(&transfers->mutex);
        (void)uv_async_send(&transfers->async);
    }
}

static struct transfer *next_over(struct transfers *transfers)
{
    struct transfer *t = NULL;
    uv_mutex_lock(&transfers->mutex);
    if (!list_is_empty(&transfers->over)) {
        t = LIST_ITEM(transfers->over.next, struct transfer, over_link);
        list_remove(&t->over_link);
    }
    uv_mutex_unlock(&transfers->mutex);
    return t;
}

static void finish(struct transfer *t)
{
    struct transfers *transfers = t->all;
    if (t->started)
        (void)uv_thread_join(&t->thread);
    list_remove(&t->link);
    transfers->running_count--;
    t->state = TRANSFER_OVER;
    close(t->fd);
    t->fd = -1;
    if (t->freed) {
        destroy(t);
        return;
    }
    if (t->err < 0)
        remove_download(t);
    const struct transfer_end end = { t->err, t->text, t->bytes };
    t->ended(t->ctx, &end); /* may free it: not looked at after */
}

static void on_async(uv_async_t *async)
{
    struct transfers *transfers = async->data;
    for (struct transfer *t; (t = next_over(transfers));)
        finish(t);
    if (!transfers->freeing)
        start_waiting(transfers);
}

/* ---- objects ---- */

static void on_closed(uv_handle_t *handle)
{
    struct transfers *transfers = handle->data;
    uv_mutex_destroy(&transfers->mutex);
    free(transfers->known_hosts);
    free(transfers);
    curl_global_cleanup();
}

int transfers_new(struct loop *loop, struct transfers **ret)
{
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    if (!transfers)
        return -ENOMEM;
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK || uv_mutex_init(&transfers->mutex) < 0) {
        free(transfers);
        return -ENOMEM;
    }
    transfers->loop = loop;
    list_init(&transfers->over);
    list_init(&transfers->waiting);
    list_init(&transfers->running);
    int r = uv_async_init(&loop->uv, &transfers->async, on_async);
    transfers->async.data = transfers;
    if (r < 0) {
        on_closed((uv_handle_t *)&transfers->async);
        return -ENOMEM;
    }
    *ret = transfers;
    return 0;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    transfers->freeing = true;
    LIST_FOREACH(link, following, &transfers->running)
    cancel(LIST_ITEM(link, struct transfer, link));
    /* A thread's last step puts its transfer into `over`, beside others: none goes before all have ended. */
    LIST_FOREACH(link, following, &transfers->running)
    {
        struct transfer *t = LIST_ITEM(link, struct transfer, link);
        if (t->started)
            (void)uv_thread_join(&t->thread);
    }
    LIST_FOREACH(link, following, &transfers->running)
    destroy(LIST_ITEM(link, struct transfer, link));
    uv_close((uv_handle_t *)&transfers->async, on_closed);
}

int transfers_set_known_hosts(struct transfers *transfers, const char *path)
{
    char *copy = path ? strdup(path) : NULL;
    if (path && !copy)
        return -ENOMEM;
    free(transfers->known_hosts);
    transfers->known_hosts = copy;
    return 0;
}

static int copy_settings(struct transfer *t, const struct transfer_settings *s)
{
    const char *hosts = t->all->known_hosts;
    t->is_upload = s->is_upload;
    t->max_bytes = s->max_bytes;
    t->idle_timeout_ms = s->idle_timeout_ms;
    t->url = target_url(s);
    t->form_url = strdup(s->url);
    t->name = strdup(s->name ? s->name : "file");
    t->path = strdup(s->path);
    t->ca_pem = s->ca_pem ? strdup(s->ca_pem) : NULL;
    t->known_hosts = hosts ? strdup(hosts) : NULL;
    return t->url && t->form_url && t->name && t->path && (t->ca_pem || !s->ca_pem) &&
                   (t->known_hosts || !hosts)
               ? 0
               : -ENOMEM;
}

int transfer_start(struct transfers *transfers, const struct transfer_settings *settings,
                   transfer_ended ended, void *ctx, struct transfer **ret)
{
    if (!transfer_url_is_valid(settings->url))
        return -EINVAL;
    struct transfer *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    list_init(&t->link);
    list_init(&t->over_link);
    t->all = transfers;
    t->ended = ended;
    t->ctx = ctx;
    t->fd = -1;
    for (size_t i = 0; i < TRANSFER_SOCKETS; i++)
        t->sockets[i] = -1;
    int r = copy_settings(t, settings);
    if (r == 0)
        r = open_file(t);
    if (r < 0) {
        destroy(t);
        return r;
    }
    list_append(&transfers->waiting, &t->link);
    start_waiting(transfers);
    *ret = t;
    return 0;
}

void transfer_free(struct transfer *t)
{
    if (!t || t->freed)
        return;
    if (t->state != TRANSFER_OVER)
        remove_download(t);
    if (t->state != TRANSFER_RUNS) {
        destroy(t);
        return;
    }
    t->freed = true;
    cancel(t);
}
