#include "gateway/config_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/config_job.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/problems_json.h"

int config_change_read(const struct gateway *gateway, char **ret_text, char ret_etag[FILE_ETAG_SIZE])
{
    size_t len = 0;
    int r = file_read(gateway->config_path, CONFIG_MAX_BYTES, ret_text, &len);
    if (r == 0)
        file_etag(*ret_text, ret_etag);
    return r;
}

/* ---- what a reload would do ---- */

/* Whether a reload to what was read would be refused. 0, or why not. */
static int judge(const struct gateway *gateway, struct config_reading *reading, const char **ret_restart)
{
    const char *path = gateway->config_path;
    if (reading->err < 0)
        return reading->err;
    *ret_restart = gateway_restart_needed(gateway, reading->config);
    if (*ret_restart) {
        problems_add(&reading->problems, path, 0, *ret_restart,
                     "changed, which needs a restart of the gateway");
        return -EINVAL;
    }
    const char *station = gateway_installing(gateway, reading->config);
    if (station) {
        problems_add(&reading->problems, path, 0, station,
                     "changed while its firmware is being installed; try again when that is over");
        return -EBUSY;
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const struct station_config *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

/* The stations by id. NULL without memory. */
static const struct station_config **sorted(const struct config *config)
{
    const struct station_config **list = calloc(config->station_count + 1, sizeof(struct station_config *));
    for (size_t i = 0; list && i < config->station_count; i++)
        list[i] = &config->stations[i];
    if (list && config->station_count)
        qsort(list, config->station_count, sizeof(struct station_config *), compare_ids);
    return list;
}

static int tell(json_t *lists, const char *list, const char *id)
{
    return json_array_append_new(json_object_get(lists, list), json_string(id));
}

/* Both lists are walked at once, the one with the smaller id first. */
static int compare(const struct config *old, const struct config *new, json_t *lists)
{
    AUTO_FREE const struct station_config **before = sorted(old);
    AUTO_FREE const struct station_config **after = sorted(new);
    if (!before || !after)
        return -ENOMEM;
    for (size_t i = 0, k = 0; i < old->station_count || k < new->station_count;) {
        int order = i == old->station_count   ? 1
                    : k == new->station_count ? -1
                                              : strcmp(before[i]->id, after[k]->id);
        int r = 0;
        if (order < 0)
            r = tell(lists, "removed", before[i]->id);
        else if (order > 0)
            r = tell(lists, "added", after[k]->id);
        else if (!str_equal(before[i]->fingerprint, after[k]->fingerprint))
            r = tell(lists, "changed", after[k]->id);
        if (r < 0)
            return -ENOMEM;
        i += order <= 0;
        k += order >= 0;
    }
    return 0;
}

/* ---- told before ---- */

struct asking {
    struct gateway *gateway;
    config_checked checked;
    config_reloaded reloaded;
    void *ctx;
    uint64_t generation; /* of the gateway when it was asked */
};

static json_t *check_json(const struct gateway *gateway, struct config_reading *reading)
{
    const char *restart = NULL;
    int r = judge(gateway, reading, &restart);
    json_t *told = problems_json(&reading->problems, gateway->config_path);
    AUTO(json_t) *result =
        json_pack("{s:o, s:s, s:[], s:[], s:[], s:s?}", "problems", told, "diff",
                  reading->diff ? reading->diff : "", "changed", "added", "removed", "restart", restart);
    if (r == -ENOMEM || !reading->diff || !result)
        return NULL;
    if (reading->config && compare(gateway->config, reading->config, result) < 0)
        return NULL;
    return STEAL(result);
}

static void on_checked(void *ctx, struct config_reading *reading)
{
    AUTO_FREE struct asking *asking = ctx;
    if (reading->err != -ECANCELED)
        asking->checked(asking->ctx, check_json(asking->gateway, reading));
}

static int ask(const struct asking *asking, enum config_job_kind kind, const char *text, config_job_done done)
{
    AUTO_FREE struct asking *copy = asking->gateway->stopping ? NULL : malloc(sizeof(*copy));
    if (!copy)
        return asking->gateway->stopping ? -ECANCELED : -ENOMEM;
    *copy = *asking;
    int r = config_job_start(asking->gateway, kind, text, done, copy);
    if (r == 0)
        (void)STEAL(copy);
    return r;
}

int config_change_check(struct gateway *gateway, const char *text, config_checked callback, void *ctx)
{
    const struct asking asking = { .gateway = gateway, .checked = callback, .ctx = ctx };
    return ask(&asking, CONFIG_JOB_CHECK, text, on_checked);
}

/* ---- made ---- */

struct applying {
    struct gateway *gateway;
    struct config_change change; /* its etag is the one below */
    void *ctx;
    char etag[FILE_ETAG_SIZE];
};

static void on_judged(void *ctx, struct config_reading *reading)
{
    AUTO_FREE struct applying *applying = ctx;
    struct gateway *gateway = applying->gateway;
    const char *restart = NULL;
    if (reading->err == -ECANCELED)
        return;
    int r = gateway->change ? -EBUSY : judge(gateway, reading, &restart);
    if (r == 0 && applying->change.checked)
        r = reading->diff ? applying->change.checked(applying->ctx, reading->diff) : -ENOMEM;
    const struct file_change_request request = { .path = gateway->config_path,
                                                 .text = reading->text,
                                                 .etag = applying->etag,
                                                 .mode = 0600,
                                                 .keep_old = true,
                                                 .reload = true };
    if (r == 0)
        r = file_change_start(gateway, &request, applying->change.done, applying->ctx);
    if (r < 0)
        applying->change.done(applying->ctx, r, &reading->problems);
}

int config_change_apply(struct gateway *gateway, const struct config_change *change, void *ctx)
{
    if (gateway->stopping)
        return -ECANCELED;
    if (gateway->change)
        return -EBUSY;
    AUTO_FREE struct applying *applying = calloc(1, sizeof(*applying));
    if (!applying)
        return -ENOMEM;
    *applying = (struct applying){ .gateway = gateway, .change = *change, .ctx = ctx };
    if (str_copy(applying->etag, sizeof(applying->etag), change->etag) < 0)
        return -ESTALE;
    int r = config_job_start(gateway, CONFIG_JOB_CHECK, change->text, on_judged, applying);
    if (r == 0)
        (void)STEAL(applying);
    return r;
}

/* ---- reload ---- */

static json_t *changes_json(const struct gateway *gateway, const struct config *config)
{
    AUTO(json_t) *changes = json_pack("{s:[], s:[], s:[]}", "changed", "added", "removed");
    return changes && compare(gateway->config, config, changes) == 0 ? STEAL(changes) : NULL;
}

static void on_loaded(void *ctx, struct config_reading *reading)
{
    AUTO_FREE struct asking *asking = ctx;
    struct gateway *gateway = asking->gateway;
    if (reading->err == -ECANCELED)
        return;
    AUTO(json_t) *changes = reading->config ? changes_json(gateway, reading->config) : NULL;
    int r = gateway_put_into_force(gateway, asking->generation, reading->err, STEAL(reading->config),
                                   &reading->problems);
    asking->reloaded(asking->ctx, r, &reading->problems, changes);
}

int config_change_reload(struct gateway *gateway, config_reloaded callback, void *ctx)
{
    const struct asking asking = { gateway, NULL, callback, ctx, gateway->generation };
    return ask(&asking, CONFIG_JOB_LOAD, NULL, on_loaded);
}

/* ---- one entry ---- */

struct entry_asking {
    struct gateway *gateway;
    config_entry_found found;
    void *ctx;
    char id[STATION_ID_SIZE];
};

static const char *known_etag(const struct gateway *gateway)
{
    return json_get_string(gateway->entries, "etag", "");
}

/* What was read lasts until the file is another. */
static void keep_entries(struct gateway *gateway, struct config_reading *reading)
{
    if (!reading->entries)
        return;
    json_decref(gateway->entries);
    gateway->entries = json_pack("{s:s, s:o}", "etag", reading->etag, "stations", STEAL(reading->entries));
}

static void on_entries(void *ctx, struct config_reading *reading)
{
    AUTO_FREE struct entry_asking *asking = ctx;
    struct gateway *gateway = asking->gateway;
    if (reading->err == -ECANCELED)
        return;
    keep_entries(gateway, reading);
    AUTO(json_t) *entry = NULL;
    if (reading->err == 0 && str_equal(known_etag(gateway), reading->etag)) {
        const char *text = json_get_string(json_object_get(gateway->entries, "stations"), asking->id, NULL);
        entry = text ? json_from_text(text, strlen(text)) : NULL;
    }
    asking->found(asking->ctx, STEAL(entry));
}

int config_change_entry(struct gateway *gateway, const char *id, config_entry_found callback, void *ctx)
{
    if (gateway->stopping)
        return -ECANCELED;
    AUTO_FREE struct entry_asking *asking = calloc(1, sizeof(*asking));
    if (!asking)
        return -ENOMEM;
    *asking = (struct entry_asking){ .gateway = gateway, .found = callback, .ctx = ctx };
    (void)str_copy(asking->id, sizeof(asking->id), id);
    int r = config_job_start(gateway, CONFIG_JOB_ENTRIES, known_etag(gateway), on_entries, asking);
    if (r == 0)
        (void)STEAL(asking);
    return r;
}
