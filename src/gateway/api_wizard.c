/* Routes by which a charger is found and tried before it is configured: scans and trials. Neither writes anything to a device. */
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/problems_json.h"
#include "gateway/scan_job.h"
#include "gateway/trial.h"

static struct scan_jobs *scans(const struct api_request *request)
{
    return management_scans(api_gateway(request)->management);
}

static struct trials *trials(const struct api_request *request)
{
    return management_trials(api_gateway(request)->management);
}

/* 0: none such. */
static uint32_t id_of(const struct api_request *request)
{
    int64_t id;
    return str_to_int(api_param(request, 0), 1, UINT32_MAX, &id) < 0 ? 0 : (uint32_t)id;
}

static void answer_found(struct api_request *request, json_t *json, const char *what)
{
    if (json)
        api_answer(request, 200, json);
    else
        api_problem(request, 404, "no %s of this id (any more)", what);
}

/* ---- scans ---- */

static void post_scan(struct api_request *request)
{
    uint32_t id;
    char problem[300] = "";
    int r = scan_jobs_start(scans(request), api_body(request), &id, problem, sizeof(problem));
    if (r == 0)
        api_answer(request, 202, json_pack("{s:I}", "id", (json_int_t)id));
    else
        api_problem(request,
                    r == -EINVAL  ? 422
                    : r == -EBUSY ? 409
                                  : 503,
                    "%s", *problem ? problem : err_text(r));
}

static void get_scan(struct api_request *request)
{
    answer_found(request, scan_jobs_get(scans(request), id_of(request)), "scan");
}

static void delete_scan(struct api_request *request)
{
    if (scan_jobs_cancel(scans(request), id_of(request)) == 0)
        api_answer(request, 204, NULL);
    else
        answer_found(request, NULL, "scan");
}

/* ---- trials ---- */

/* The charger's entry; a bus that is new stands in the place of its name. */
static json_t *trial_entry(const struct api_request *request)
{
    json_t *entry = json_copy_whole(api_body(request));
    json_t *bus = json_object_get(json_object_get(entry, "buses"), json_get_string(entry, "bus", ""));
    if (bus)
        (void)json_object_set(entry, "bus", bus);
    (void)json_object_del(entry, "buses");
    return entry;
}

static void post_trial(struct api_request *request)
{
    uint32_t id;
    struct problems problems;
    AUTO(json_t) *entry = api_body(request) ? trial_entry(request) : NULL;
    problems_init(&problems);
    int r = entry ? trials_start(trials(request), entry, &id, &problems) : -EINVAL;
    if (r == 0)
        api_answer(request, 201, json_pack("{s:I}", "id", (json_int_t)id));
    else
        api_problem_with(request,
                         r == -EINVAL  ? 422
                         : r == -EBUSY ? 409
                                       : 503,
                         json_pack("{s:o}", "problems", problems_json(&problems, "charger")), "%s",
                         problems.count ? problems.list[0].text + problems.list[0].message
                         : entry        ? err_text(r)
                                        : "expected a charger's entry, an object as under `chargers`");
    problems_done(&problems);
}

static void get_trial(struct api_request *request)
{
    answer_found(request, trials_get(trials(request), id_of(request)), "trial");
}

static void delete_trial(struct api_request *request)
{
    if (trials_end(trials(request), id_of(request)) == 0)
        api_answer(request, 204, NULL);
    else
        answer_found(request, NULL, "trial");
}

const struct api_route api_wizard_routes[] = {
    { HTTP_POST, API_PREFIX "/scans", ROLE_OPERATOR, post_scan,
      "looks for chargers: {protocol: modbus, target, units, framing, baud, parity} or {protocol: echonet, "
      "interface, wait}",
      NULL },
    { HTTP_GET, API_PREFIX "/scans/{id}", ROLE_OPERATOR, get_scan, "what a scan has found so far", NULL },
    { HTTP_DELETE, API_PREFIX "/scans/{id}", ROLE_OPERATOR, delete_scan, "ends a scan", NULL },
    { HTTP_POST, API_PREFIX "/trials", ROLE_OPERATOR, post_trial,
      "reads a charger live that is not configured yet: its entry as under `chargers`, and new `buses` by "
      "name",
      NULL },
    { HTTP_GET, API_PREFIX "/trials/{id}", ROLE_OPERATOR, get_trial,
      "its points and signals; a trial that nobody looks at ends after two minutes", NULL },
    { HTTP_DELETE, API_PREFIX "/trials/{id}", ROLE_OPERATOR, delete_trial, "ends a trial", NULL },
    { 0 },
};
