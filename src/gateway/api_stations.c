/* Routes that show stations: lists, one whole, its points and limits. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/config_change.h"
#include "gateway/power_history.h"
#include "gateway/station_entry.h"
#include "station/station.h"

struct station_entry *api_station(struct api_request *request)
{
    struct station_entry *entry = gateway_station(api_gateway(request), api_param(request, 0));
    if (!entry)
        api_problem(request, 404, "no station of this id; `ocpp-cli status` lists them");
    return entry;
}

/* ---- the list ---- */

static bool has_state(const json_t *item, const char *state)
{
    const json_t *evse;
    size_t index;
    json_array_foreach(
        json_object_get(item, "evses"), index,
        evse) if (str_equal(json_get_string(evse, "state", ""), state) ||
                  (str_equal(state, "offline") && !json_get_bool(evse, "online", true))) return true;
    return false;
}

/* Whether id, vendor, model or a profile has the text in it. */
static bool is_found(const json_t *item, const char *text)
{
    static const char *const members[] = { "id", "vendor", "model", "csms" };
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (strcasestr(json_get_string(item, members[i], ""), text))
            return true;
    const json_t *profile;
    size_t index;
    json_array_foreach(json_object_get(item, "profiles"), index,
                       profile) if (strcasestr(json_string_value(profile), text)) return true;
    return false;
}

static bool is_listed(const struct api_request *request, const json_t *item)
{
    const char *text = api_query(request, "q", ""), *csms = api_query(request, "csms", ""),
               *state = api_query(request, "state", "");
    return (!*text || is_found(item, text)) &&
           (!*csms || str_equal(json_get_string(item, "csms", ""), csms)) &&
           (!*state || has_state(item, state));
}

static void get_stations(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    json_t *list = json_array();
    for (size_t i = 0; list && i < gateway->station_count; i++) {
        const json_t *item = station_entry_item(gateway->stations[i]);
        if (item && is_listed(request, item))
            (void)json_array_append(list, (json_t *)item);
    }
    api_answer_page(request, list);
}

/* ---- one station ---- */

/* Takes the entry of the file, passwords hidden, and tells it with its etag; NULL: it is not told, or the file cannot be read now. */
static void answer_station(struct api_request *request, json_t *entry_of_file)
{
    AUTO(json_t) *config = entry_of_file;
    struct station_entry *entry = api_station(request);
    if (!entry)
        return;
    json_t *status = station_entry_status(entry);
    const json_t *item = station_entry_item(entry);
    (void)json_set_optional(status, "item", json_incref((json_t *)item));
    if (config) {
        char etag[FILE_ETAG_SIZE];
        api_entry_etag(config, etag);
        (void)json_set_text(status, "etag", etag);
    }
    (void)json_set_optional(status, "config", STEAL(config));
    api_answer(request, 200, status);
}

static void on_entry(void *ctx, json_t *entry)
{
    answer_station(ctx, entry); /* which may be gone by now */
}

static void get_station(struct api_request *request)
{
    int r = 0;
    if (api_role(request) < ROLE_ADMIN)
        answer_station(request, NULL);
    else if (api_station(request))
        r = config_change_entry(api_gateway(request), api_param(request, 0), on_entry, request);
    if (r < 0)
        api_refuse_job(request, r);
}

static void add_event(void *ctx, json_t *event)
{
    if (event)
        (void)json_array_append_new(ctx, event);
}

static void get_points(struct api_request *request)
{
    const struct station_entry *entry = api_station(request);
    if (!entry)
        return;
    management_look_at(api_gateway(request)->management, api_param(request, 0));
    json_t *list = json_array();
    if (list)
        station_entry_tell_points(entry, add_event, list);
    api_answer_page(request, list);
}

static void get_limits(struct api_request *request)
{
    const struct station_entry *entry = api_station(request);
    if (!entry)
        return;
    api_answer_page(request, station_limits(station_entry_station(entry)));
}

static void get_frames(struct api_request *request)
{
    const struct station_entry *entry = api_station(request);
    struct buf out;
    if (!entry)
        return;
    buf_init(&out, 1 << 20);
    station_entry_print_frames(entry, &out);
    api_answer_text(request, 200, "text/plain; charset=utf-8", buf_string(&out));
    buf_done(&out);
}

const struct api_route api_station_routes[] = {
    { HTTP_GET, API_PREFIX "/stations", ROLE_VIEWER, get_stations, "stations in short",
      "q,csms,state,offset,limit" },
    { HTTP_GET, API_PREFIX "/stations/{id}", ROLE_VIEWER, get_station, "all about a station", NULL },
    { HTTP_GET, API_PREFIX "/stations/{id}/points", ROLE_VIEWER, get_points,
      "points and signals of its devices", "q,offset,limit" },
    { HTTP_GET, API_PREFIX "/stations/{id}/limits", ROLE_VIEWER, get_limits, "limits in force, and why",
      "q,offset,limit" },
    { HTTP_GET, API_PREFIX "/stations/{id}/frames", ROLE_OPERATOR, get_frames,
      "last frames of its devices, as text", NULL },
    { 0 },
};
