/* Lists of the API: options of the command are its filters, all pages are fetched (list.h). */
#include "list.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "connection.h"
#include "list_columns.h"

#define PAGE   1000
#define NEWEST 100 /* of what grows all the time, unless another --limit is given */

#define LIMIT_OPTION                                                                                         \
    {                                                                                                        \
        "limit", "N", "so many, the newest (default 100)", 'n'                                               \
    }
#define FIND_OPTION                                                                                          \
    {                                                                                                        \
        "find", "TEXT", "only those that have this text in them", 'f'                                        \
    }
#define SINCE_OPTION                                                                                         \
    {                                                                                                        \
        "since", "TIME", "not before: 2h (ago), 2026-01-31, \"2026-01-31 12:00\", 2026-01-31T12:00:00Z", 0   \
    }
#define UNTIL_OPTION                                                                                         \
    {                                                                                                        \
        "until", "TIME", "not after", 0                                                                      \
    }

const struct cli_option stations_options[] = {
    FIND_OPTION,
    { "csms", "CSMS", "only those of this CSMS", 0 },
    { "state", "STATE", "only those with an EVSE in this state: charging, faulted, offline ...", 0 },
    { 0 },
};
const struct cli_option events_options[] = {
    { "types", "TYPES", "station, signals, frame, write, log, power, scan; several with commas between", 0 },
    { "station", "STATION", "only of this station", 0 },
    FIND_OPTION,
    LIMIT_OPTION,
    { 0 },
};
const struct cli_option audit_options[] = { SINCE_OPTION, UNTIL_OPTION, FIND_OPTION, LIMIT_OPTION, { 0 } };
const struct cli_option transactions_options[] = {
    { "station", "STATION", "only of this station", 0 },
    { "evse", "N", "only of this EVSE", 0 },
    { "state", "running|ended", "only those that run, or have ended", 0 },
    SINCE_OPTION,
    UNTIL_OPTION,
    FIND_OPTION,
    LIMIT_OPTION,
    { "csv", NULL, "all of them as comma-separated values", 0 },
    { 0 },
};
const struct cli_option find_options[] = { FIND_OPTION, { 0 } };
const struct cli_option profiles_list_options[] = {
    FIND_OPTION,
    { "protocol", "modbus|echonet|ocpp16", "only those of this protocol", 0 },
    { 0 },
};

/* ---- filters ---- */

/* A time as people write it, as the API reads it; what is no time is left for the API to refuse. */
static void time_for_api(const char *text, char *ret, size_t size)
{
    static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };
    int64_t ago_ms = 0;
    char stamp[TIMESTAMP_SIZE];
    (void)str_copy(ret, size, text);
    if (str_to_duration_ms(text, &ago_ms) == 0) {
        timestamp_format((int64_t)time(NULL) * 1000 - ago_ms, stamp);
        (void)str_copy(ret, size, stamp);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct tm parts = { .tm_isdst = -1 };
        const char *end = strptime(text, formats[i], &parts);
        if (!end || *end)
            continue;
        timestamp_format((int64_t)mktime(&parts) * 1000, stamp);
        (void)str_copy(ret, size, stamp);
        return;
    }
}

static void add_filter(struct buf *out, const char *option, const char *value)
{
    char time_text[64];
    const char *name = str_equal(option, "find") ? "q" : option;
    if (str_equal(option, "limit") || str_equal(option, "csv"))
        return;
    if (str_equal(option, "since") || str_equal(option, "until")) {
        time_for_api(value, time_text, sizeof(time_text));
        value = time_text;
    }
    char *escaped = curl_easy_escape(NULL, value, 0);
    buf_printf(out, "%c%s=%s", memchr(out->data, '?', out->len) ? '&' : '?', name, escaped ? escaped : "");
    curl_free(escaped);
}

char *list_path(const struct cli *cli, const char *path)
{
    struct buf out;
    const struct cli_option *options = cli->command->options;
    buf_init(&out, 8192);
    buf_text(&out, path);
    for (int i = 0; options && options[i].name; i++)
        if (cli->values[i])
            add_filter(&out, options[i].name, cli->values[i]);
    if (out.err)
        (void)cli_complain("the filters are too long");
    char *result = buf_steal(&out);
    buf_done(&out);
    return result;
}

static const char *option_value(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->command->options;
    for (int i = 0; options && options[i].name; i++)
        if (str_equal(options[i].name, name))
            return cli->values[i];
    return NULL;
}

/* ---- pages ---- */

json_t *api_list(const struct cli *cli, const char *path, size_t most)
{
    json_t *all = NULL, *items = NULL;
    most = most ? most : LIST_MAX_ITEMS;
    for (size_t had = 0; path && had < most;) {
        AUTO_FREE char *page_path = NULL;
        size_t limit = most - had < PAGE ? most - had : PAGE;
        if (asprintf(&page_path, "%s%coffset=%zu&limit=%zu", path, strchr(path, '?') ? '&' : '?', had,
                     limit) < 0)
            break;
        AUTO(json_t) *page = api_ask(cli, "GET", page_path, NULL);
        json_t *more = json_object_get(page, "items");
        if (!json_is_array(more)) {
            json_decref(all);
            return NULL;
        }
        if (!all) {
            all = json_incref(page);
            items = more;
        } else if (json_array_extend(items, more) < 0) {
            break;
        }
        size_t now = json_array_size(items);
        if (now == had || now >= (size_t)json_get_int(page, "total", 0))
            break;
        had = now;
    }
    return all;
}

/* ---- the commands ---- */

static const struct listing {
    const char *command, *path;
    const struct column *columns;
    size_t most;  /* unless --limit says another; 0: all */
    bool is_ring; /* one page, without offset */
    const char *none;
} listings[] = {
    { "stations", "/stations", station_columns, 0, false, "no stations" },
    { "limits", NULL /* of the station */, limit_columns, 0, false, "no limits" },
    { "csms list", "/csms", csms_columns, 0, false, "no connections to a CSMS" },
    { "buses", "/buses", bus_columns, 0, false, "no buses" },
    { "certificates list", "/certificates", certificate_columns, 0, false, "no certificates" },
    { "profiles list", "/profiles", profile_columns, 0, false, "no profiles" },
    { "transactions", "/transactions", transaction_columns, NEWEST, false, "no transactions" },
    { "events", "/events", event_columns, NEWEST, true, "no events" },
    { "users list", "/users", user_columns, 0, false, "no users" },
    { "tokens list", "/tokens", token_columns, 0, false, "no tokens" },
    { "audit", "/audit", audit_columns, NEWEST, false, "nothing was changed" },
};

static const struct listing *find_listing(const struct cli *cli)
{
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++)
        if (str_equal(listings[i].command, cli->command->name))
            return &listings[i];
    return NULL;
}

/* A ring comes as one page. */
static json_t *fetch(const struct cli *cli, const struct listing *listing, const char *path, size_t most)
{
    AUTO_FREE char *ring_path = NULL;
    if (!listing->is_ring)
        return api_list(cli, path, most);
    if (most && asprintf(&ring_path, "%s%climit=%zu", path, strchr(path, '?') ? '&' : '?',
                         most < PAGE ? most : PAGE) < 0)
        return NULL;
    return api_ask(cli, "GET", ring_path ? ring_path : path, NULL);
}

/* Where the list has more than was asked for. */
static void say_rest(const json_t *list)
{
    size_t shown = json_array_size(json_object_get(list, "items"));
    int64_t total = json_get_int(list, "total", 0);
    if (total > (int64_t)shown)
        (void)fprintf(stderr, "ocpp-cli: %zu of %lld; --limit shows more\n", shown, (long long)total);
    else if (json_get_bool(list, "more", false))
        (void)fprintf(stderr, "ocpp-cli: there are older ones; --limit shows more (up to %d)\n", PAGE);
}

static int print_csv(const struct cli *cli)
{
    AUTO_FREE char *path = list_path(cli, "/transactions.csv");
    AUTO_FREE char *text = path ? api_text(cli, path) : NULL;
    if (text)
        (void)fputs(text, stdout);
    return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_list(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    const struct listing *listing = find_listing(cli);
    const char *limit = option_value(cli, "limit");
    int64_t most = (int64_t)listing->most;
    if (limit && str_to_int(limit, 1, LIST_MAX_ITEMS, &most) < 0)
        return cli_complain("%s: expected --limit from 1 to %d", limit, LIST_MAX_ITEMS);
    if (option_value(cli, "csv"))
        return print_csv(cli);
    AUTO_FREE char *base = listing->path ? strdup(listing->path) : api_path("/stations/%s/limits", argv[0]);
    AUTO_FREE char *path = base ? list_path(cli, base) : NULL;
    AUTO(json_t) *list = path ? fetch(cli, listing, path, (size_t)most) : NULL;
    if (!list)
        return EXIT_FAILURE;
    if (cli->json) {
        cli_print_json(list);
        return EXIT_SUCCESS;
    }
    table_print(json_object_get(list, "items"), listing->columns, listing->none);
    say_rest(list);
    return EXIT_SUCCESS;
}
