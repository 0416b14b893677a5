#include "gateway/config_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/problems_json.h"
#include "gateway/text_diff.h"

int config_change_read(const struct gateway *gateway, char **ret_text, char ret_etag[FILE_ETAG_SIZE])
{
    size_t len = 0;
    int r = file_read(gateway->config_path, CONFIG_MAX_BYTES, ret_text, &len);
    if (r == 0)
        file_etag(*ret_text, ret_etag);
    return r;
}

/* ---- what a reload would do ---- */

/* Reads the text as a reload would read the file. 0 and the configuration, or what the reload would be refused with. */
static int check(const struct gateway *gateway, const char *text, struct problems *problems,
                 const char **ret_restart, struct config **ret)
{
    const char *path = gateway->config_path;
    if (strlen(text) > CONFIG_MAX_BYTES) {
        problems_add(problems, path, 0, NULL, "is longer than %u bytes", CONFIG_MAX_BYTES);
        return -EINVAL;
    }
    int r = config_parse(path, text, strlen(text), problems, ret);
    if (r < 0)
        return r;
    *ret_restart = gateway_restart_needed(gateway, *ret);
    if (*ret_restart) {
        problems_add(problems, path, 0, *ret_restart, "changed, which needs a restart of the gateway");
        return -EINVAL;
    }
    const char *station = gateway_installing(gateway, *ret);
    if (station) {
        problems_add(problems, path, 0, station,
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

static char *diff_to_file(const struct gateway *gateway, const char *text)
{
    AUTO_FREE char *now = NULL;
    char etag[FILE_ETAG_SIZE];
    int r = config_change_read(gateway, &now, etag);
    if (r == -ENOMEM)
        return NULL;
    return text_diff(gateway->config_path, r < 0 ? "" : now, gateway->config_path, text);
}

json_t *config_change_check(const struct gateway *gateway, const char *text)
{
    AUTO(config) *config = NULL;
    struct problems problems;
    const char *restart = NULL;
    problems_init(&problems);
    int r = check(gateway, text, &problems, &restart, &config);
    json_t *told = problems_json(&problems, gateway->config_path);
    problems_done(&problems);
    AUTO_FREE char *diff = diff_to_file(gateway, text);
    AUTO(json_t) *result = json_pack("{s:o, s:s, s:[], s:[], s:[], s:s?}", "problems", told, "diff",
                                     diff ? diff : "", "changed", "added", "removed", "restart", restart);
    if (r == -ENOMEM || !diff || !result)
        return NULL;
    if (config && compare(gateway->config, config, result) < 0)
        return NULL;
    return STEAL(result);
}

json_t *config_change_of_reload(const struct gateway *gateway)
{
    static const char *const others[] = { "problems", "diff", "restart" };
    AUTO_FREE char *text = NULL;
    char etag[FILE_ETAG_SIZE];
    json_t *changes =
        config_change_read(gateway, &text, etag) == 0 ? config_change_check(gateway, text) : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        (void)json_object_del(changes, others[i]);
    return changes;
}

int config_change_apply(struct gateway *gateway, const char *text, const char *etag,
                        struct problems *problems, file_changed callback, void *ctx)
{
    AUTO(config) *config = NULL;
    const char *restart = NULL;
    if (gateway->change)
        return -EBUSY;
    int r = check(gateway, text, problems, &restart, &config);
    if (r < 0)
        return r;
    const struct file_change_request request = { .path = gateway->config_path,
                                                 .text = text,
                                                 .etag = etag,
                                                 .mode = 0600,
                                                 .keep_old = true,
                                                 .reload = true };
    return file_change_start(gateway, &request, callback, ctx);
}
