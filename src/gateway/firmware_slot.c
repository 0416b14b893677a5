/* Steps of firmware updates: bytes by net/transfer.h, signatures in libuv's pool, installation by a hook. */
#include "gateway/firmware_slot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/hook.h"
#include "pki/key.h"
#include "pki/pki.h"

#define GONE_MS 10000 /* a station that a reload makes anew is back before */

enum image { IMAGE_NONE, IMAGE_LOADING, IMAGE_READY };

struct firmware_slot {
    struct firmware_slot_settings settings;
    char *path, *part;
    char *location; /* of the claimed image; NULL: nothing is claimed */
    enum image image;
    struct transfer *transfer;
    struct hook *hook;
    enum firmware_step hook_step; /* INSTALL or CONFIRM */
    size_t run;                   /* of the settings' runs */
    bool needs_restart;
    bool is_installed;  /* and not yet in force, or not yet told */
    struct timer timer; /* looks whether all wait for the same */
    struct list members;
};

struct verification;

struct firmware_member {
    struct list link;
    struct firmware_slot *slot;
    firmware_done done;
    void *ctx;
    bool is_claimed, is_waiting; /* for the answer to `step` */
    enum firmware_step step;
    uint32_t ticket;
    enum firmware_outcome outcome; /* of the answer by `timer` */
    struct timer timer;            /* for answers that are known at once */
    struct verification *verification;
};

/* ---- answers ---- */

static void answer(struct firmware_member *m, enum firmware_outcome outcome)
{
    m->is_waiting = outcome == FIRMWARE_STARTED;
    m->done(m->ctx, m->ticket, outcome); /* may ask for the next step, or free the member */
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct firmware_member *m = ctx;
    answer(m, m->outcome);
}

static void answer_soon(struct firmware_member *m, enum firmware_outcome outcome)
{
    m->outcome = outcome;
    m->is_waiting = false; /* it is answered as good as */
    env_timer_start(&m->slot->settings.loop->env, &m->timer, 0);
}

/* To all that wait for this step. By timers, since an answer may change the list. */
static void answer_all(struct firmware_slot *slot, enum firmware_step step, enum firmware_outcome outcome)
{
    LIST_FOREACH(link, following, &slot->members)
    {
        struct firmware_member *m = LIST_ITEM(link, struct firmware_member, link);
        if (m->is_waiting && m->step == step)
            answer_soon(m, outcome);
    }
}

static size_t claim_count(const struct firmware_slot *slot)
{
    size_t count = 0;
    LIST_FOREACH(link, following, &slot->members)
    count += LIST_ITEM(link, struct firmware_member, link)->is_claimed;
    return count;
}

static bool any_waits_for(const struct firmware_slot *slot, enum firmware_step step)
{
    LIST_FOREACH(link, following, &slot->members)
    {
        const struct firmware_member *m = LIST_ITEM(link, struct firmware_member, link);
        if (m->is_waiting && m->step == step)
            return true;
    }
    return false;
}

/* Whether every station of the update waits for this step. */
static bool all_wait_for(const struct firmware_slot *slot, enum firmware_step step)
{
    LIST_FOREACH(link, following, &slot->members)
    {
        const struct firmware_member *m = LIST_ITEM(link, struct firmware_member, link);
        if (m->is_claimed && (!m->is_waiting || m->step != step))
            return false;
    }
    return claim_count(slot) > 0;
}

/* ---- download ---- */

static void on_transferred(void *ctx, const struct transfer_end *end)
{
    struct firmware_slot *slot = ctx;
    int err = end->err;
    const char *why = end->text; /* of a 404, err_text() would speak of a file here */
    if (err == 0 && rename(slot->part, slot->path) < 0) {
        err = -errno;
        why = err_text(err);
    }
    if (err == 0)
        log_info(LOG_GATEWAY, "firmware was loaded: bytes=%lld file=%s", (long long)end->bytes, slot->path);
    else
        log_warn(LOG_GATEWAY, "firmware was not loaded: bytes=%lld file=%s error=\"%s\"",
                 (long long)end->bytes, slot->path, why);
    transfer_free(STEAL(slot->transfer));
    slot->image = err == 0 ? IMAGE_READY : IMAGE_NONE;
    answer_all(slot, FIRMWARE_DOWNLOAD, err == 0 ? FIRMWARE_DONE : FIRMWARE_FAILED);
}

static void download(struct firmware_member *m, const struct firmware_job *job)
{
    struct firmware_slot *slot = m->slot;
    if (slot->image == IMAGE_READY) {
        answer_soon(m, FIRMWARE_DONE);
        return;
    }
    if (slot->image == IMAGE_LOADING)
        return;
    AUTO_FREE char *roots = NULL; /* the configured ones, and those of the station's CSMS */
    const char *configured = slot->settings.ca_pem;
    if (configured && job->trusted_pem && asprintf(&roots, "%s\n%s", configured, job->trusted_pem) < 0) {
        roots = NULL;
        answer_soon(m, FIRMWARE_FAILED);
        return;
    }
    struct transfer_settings settings = {
        .url = job->location,
        .path = slot->part,
        .ca_pem = roots        ? roots
                  : configured ? configured
                               : job->trusted_pem,
        .max_bytes = slot->settings.max_bytes,
        .idle_timeout_ms = slot->settings.idle_timeout_ms,
    };
    int r = transfer_start(slot->settings.transfers, &settings, on_transferred, slot, &slot->transfer);
    if (r < 0) {
        log_warn(LOG_GATEWAY, "firmware cannot be loaded: file=%s error=\"%s\"", slot->part, err_text(r));
        answer_soon(m, FIRMWARE_FAILED);
        return;
    }
    slot->image = IMAGE_LOADING;
}

/* ---- verification ---- */

struct verification {
    uv_work_t work;
    struct firmware_member *member; /* NULL: no one wants to know any more */
    char *path, *certificate, *signature;
    int err;
};

static void verification_free(struct verification *v)
{
    free(v->path);
    free(v->certificate);
    free(v->signature);
    free(v);
}

static void verify_in_pool(uv_work_t *work)
{
    struct verification *v = work->data;
    v->err = key_verify_file(v->path, v->certificate, v->signature);
}

static const char *verification_text(int err)
{
    return err == -EBADMSG  ? "the signature does not fit the image"
           : err == -EINVAL ? "certificate or signature cannot be read"
                            : err_text(err);
}

static void on_verified(uv_work_t *work, int status)
{
    struct verification *v = work->data;
    struct firmware_member *m = v->member;
    int err = status < 0 ? status : v->err;
    verification_free(v);
    if (!m)
        return;
    m->verification = NULL;
    if (err < 0)
        log_warn(LOG_GATEWAY, "firmware is not taken: file=%s error=\"%s\"", m->slot->path,
                 verification_text(err));
    answer(m, err == 0 ? FIRMWARE_DONE : err == -ENOENT ? FIRMWARE_LOST : FIRMWARE_FAILED);
}

static void verify(struct firmware_member *m, const struct firmware_job *job)
{
    if (!job->certificate) { /* taken unsigned: is it still there? */
        answer_soon(m, access(m->slot->path, R_OK) == 0 ? FIRMWARE_DONE : FIRMWARE_LOST);
        return;
    }
    struct verification *v = calloc(1, sizeof(*v));
    if (!v || !job->signature) {
        free(v);
        answer_soon(m, FIRMWARE_FAILED);
        return;
    }
    v->work.data = v;
    v->member = m;
    v->path = strdup(m->slot->path);
    v->certificate = strdup(job->certificate);
    v->signature = strdup(job->signature);
    if (!v->path || !v->certificate || !v->signature ||
        uv_queue_work(&m->slot->settings.loop->uv, &v->work, verify_in_pool, on_verified) < 0) {
        verification_free(v);
        answer_soon(m, FIRMWARE_FAILED);
        return;
    }
    m->verification = v;
}

static void forget_verification(struct firmware_member *m)
{
    if (m->verification)
        m->verification->member = NULL;
    m->verification = NULL;
}

/* ---- installation ---- */

static void look_again_soon(struct firmware_slot *slot)
{
    env_timer_start(&slot->settings.loop->env, &slot->timer, 0);
}

static enum firmware_outcome outcome_of(int status)
{
    switch (status) {
    case FIRMWARE_HOOK_IN_FORCE:
        return FIRMWARE_DONE;
    case FIRMWARE_HOOK_NEEDS_RESTART:
        return FIRMWARE_NEEDS_RESTART;
    case FIRMWARE_HOOK_NOT_SUITABLE:
        return FIRMWARE_NOT_SUITABLE;
    default:
        return FIRMWARE_FAILED;
    }
}

static void run_hook(struct firmware_slot *slot);

static void on_hook_ended(void *ctx, int status)
{
    struct firmware_slot *slot = ctx;
    bool installs = slot->hook_step == FIRMWARE_INSTALL;
    slot->hook = NULL;
    enum firmware_outcome outcome = outcome_of(status);
    if (!installs && outcome != FIRMWARE_DONE)
        outcome = FIRMWARE_FAILED;
    const char *step = installs ? "install" : "confirm";
    if (outcome == FIRMWARE_DONE)
        log_info(LOG_GATEWAY, "hook has ended, the image is in force: step=%s status=%d", step, status);
    else if (outcome == FIRMWARE_NEEDS_RESTART)
        log_info(LOG_GATEWAY, "hook has ended, a restart is to follow: step=%s status=%d", step, status);
    else if (status < 0)
        log_warn(LOG_GATEWAY, "hook has failed: step=%s error=\"%s\"", step, err_text(status));
    else
        log_warn(LOG_GATEWAY, "hook has failed: step=%s status=%d", step, status);
    slot->needs_restart = slot->needs_restart || outcome == FIRMWARE_NEEDS_RESTART;
    bool goes_on = outcome == FIRMWARE_DONE || outcome == FIRMWARE_NEEDS_RESTART;
    slot->is_installed = slot->is_installed || (installs && goes_on);
    if (goes_on && ++slot->run < slot->settings.run_count) {
        run_hook(slot);
        return;
    }
    look_again_soon(slot);
    answer_all(slot, slot->hook_step, goes_on && slot->needs_restart ? FIRMWARE_NEEDS_RESTART : outcome);
}

/* program args... install|confirm IMAGE [device...] */
static void run_hook(struct firmware_slot *slot)
{
    const struct firmware_run *run = &slot->settings.runs[slot->run];
    const char *argv[HOOK_MAX_ARGS + 1] = { NULL };
    size_t n = 0;
    for (const char *const *arg = run->hook; *arg && n < FIRMWARE_HOOK_MAX_ARGS; arg++)
        argv[n++] = *arg;
    argv[n++] = slot->hook_step == FIRMWARE_INSTALL ? "install" : "confirm";
    argv[n++] = slot->path;
    for (size_t i = 0; i < ARRAY_SIZE(run->more) && run->more[i]; i++)
        argv[n++] = run->more[i];
    slot->hook = hook_start(slot->settings.loop, argv, slot->settings.hook_timeout_ms, on_hook_ended, slot);
    if (!slot->hook)
        answer_all(slot, slot->hook_step, FIRMWARE_FAILED);
}

static void start_hook(struct firmware_slot *slot, enum firmware_step step)
{
    slot->hook_step = step;
    slot->run = 0;
    slot->needs_restart = false;
    run_hook(slot);
}

static void tell_started(struct firmware_slot *slot)
{
    LIST_FOREACH(link, following, &slot->members)
    {
        struct firmware_member *m = LIST_ITEM(link, struct firmware_member, link);
        if (m->is_claimed)
            answer(m, FIRMWARE_STARTED);
    }
}

/* Those that waited for each other may go on. */
static void on_look(struct timer *timer, void *ctx)
{
    (void)timer;
    struct firmware_slot *slot = ctx;
    if (slot->hook)
        return;
    if (all_wait_for(slot, FIRMWARE_INSTALL)) {
        start_hook(slot, FIRMWARE_INSTALL);
        if (slot->hook)
            tell_started(slot);
    } else if (any_waits_for(slot, FIRMWARE_CONFIRM)) {
        start_hook(slot, FIRMWARE_CONFIRM);
    } else if (all_wait_for(slot, FIRMWARE_ACTIVATE)) {
        log_info(LOG_GATEWAY, "the gateway ends to start anew with new firmware");
        slot->settings.restart(slot->settings.ctx);
    }
}

/* ---- claims ---- */

static void drop_image(struct firmware_slot *slot)
{
    transfer_free(STEAL(slot->transfer));
    slot->image = IMAGE_NONE;
    slot->is_installed = false;
    (void)unlink(slot->path);
    (void)unlink(slot->part);
}

static void let_go(struct firmware_member *m)
{
    m->is_claimed = m->is_waiting = false;
    timer_stop(&m->timer);
    forget_verification(m);
}

static void release(struct firmware_member *m)
{
    struct firmware_slot *slot = m->slot;
    let_go(m);
    if (claim_count(slot) == 0) {
        drop_image(slot);
        free(slot->location);
        slot->location = NULL;
    }
    look_again_soon(slot);
}

static int claim(struct firmware_member *m, const struct firmware_job *job)
{
    struct firmware_slot *slot = m->slot;
    if (!transfer_url_is_valid(job->location))
        return -EINVAL;
    if (job->certificate && slot->settings.crl_pem &&
        pki_is_revoked(job->certificate, slot->settings.crl_pem))
        return -EKEYREVOKED;
    bool is_same = slot->location && str_equal(slot->location, job->location);
    bool is_mine = m->is_claimed && claim_count(slot) == 1;
    if ((slot->location && !is_same && !is_mine) || slot->hook || slot->is_installed)
        return -EBUSY; /* who comes while the others install would keep them from coming into force */
    char *location = strdup(job->location);
    if (!location)
        return -ENOMEM;
    let_go(m);
    if (is_mine) /* a new request: what was there is loaded anew */
        drop_image(slot);
    free(slot->location);
    slot->location = location;
    m->is_claimed = true;
    return 0;
}

/* ---- for the station ---- */

int firmware_member_ask(struct firmware_member *m, const struct firmware_job *job)
{
    if (job->step == FIRMWARE_CLAIM)
        return claim(m, job);
    if (job->step == FIRMWARE_RELEASE) {
        release(m);
        return 0;
    }
    m->step = job->step;
    m->ticket = job->ticket;
    m->is_waiting = true;
    switch (job->step) {
    case FIRMWARE_DOWNLOAD:
        download(m, job);
        break;
    case FIRMWARE_VERIFY:
        verify(m, job);
        break;
    case FIRMWARE_INSTALL:
    case FIRMWARE_CONFIRM:
    case FIRMWARE_ACTIVATE:
        look_again_soon(m->slot);
        break;
    case FIRMWARE_CLAIM:
    case FIRMWARE_RELEASE:
        break;
    }
    return 0;
}

bool firmware_member_has_hook(const struct firmware_member *m)
{
    return m->is_claimed && m->slot->hook;
}

struct firmware_member *firmware_member_new(struct firmware_slot *slot, firmware_done done, void *ctx)
{
    struct firmware_member *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->slot = slot;
    m->done = done;
    m->ctx = ctx;
    timer_init(&m->timer, slot->settings.loop->env.timers, on_timer, m);
    list_append(&slot->members, &m->link);
    return m;
}

void firmware_member_free(struct firmware_member *m)
{
    if (!m)
        return;
    struct firmware_slot *slot = m->slot;
    let_go(m);
    list_remove(&m->link);
    free(m);
    if (claim_count(slot) > 0) { /* the others do not wait for ever for one that is gone */
        env_timer_start(&slot->settings.loop->env, &slot->timer, GONE_MS);
        return;
    }
    transfer_free(STEAL(slot->transfer));
    slot->image = IMAGE_NONE; /* as after a start: what is in place is looked at when it is asked for */
    hook_kill(STEAL(slot->hook));
    free(slot->location);
    slot->location = NULL;
}

struct firmware_slot *firmware_slot_new(const struct firmware_slot_settings *settings)
{
    struct firmware_slot *slot = calloc(1, sizeof(*slot));
    if (!slot)
        return NULL;
    slot->settings = *settings;
    list_init(&slot->members);
    timer_init(&slot->timer, settings->loop->env.timers, on_look, slot);
    slot->path = strdup(settings->path);
    if (!slot->path || asprintf(&slot->part, "%s.part", settings->path) < 0) {
        slot->part = NULL;
        firmware_slot_free(slot);
        return NULL;
    }
    return slot;
}

void firmware_slot_free(struct firmware_slot *slot)
{
    if (!slot)
        return;
    timer_stop(&slot->timer);
    hook_kill(slot->hook);
    transfer_free(slot->transfer);
    free(slot->location);
    free(slot->path);
    free(slot->part);
    free(slot);
}
