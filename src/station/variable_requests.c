/* GetVariables and SetVariables (B05, B06). */
#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

/* The part of a result that repeats the request (B05.FR.02, .03, .12; B06.FR.02, .03, .11). */
static json_t *result_of(const json_t *item, const char *status, const char *reason)
{
    json_t *result = json_pack("{s:O, s:O, s:s, s:s}", "component", json_object_get(item, "component"),
                               "variable", json_object_get(item, "variable"), "attributeType",
                               json_get_string(item, "attributeType", "Actual"), "attributeStatus", status);
    if (result && reason)
        json_set_optional(result, "attributeStatusInfo", json_pack("{s:s}", "reasonCode", reason));
    return result;
}

/* NULL if the item names a variable's Actual attribute, then with row and place; else the status it gets. */
static const char *item_status(const struct station *s, const json_t *item, const struct variable_row **ret,
                               struct variable_place *ret_place)
{
    switch (variable_find(s, json_object_get(item, "component"), json_object_get(item, "variable"), ret,
                          ret_place)) {
    case VARIABLE_UNKNOWN_COMPONENT:
        return "UnknownComponent";
    case VARIABLE_UNKNOWN:
        return "UnknownVariable";
    case VARIABLE_FOUND:
        break;
    }
    if (!str_equal(json_get_string(item, "attributeType", "Actual"), "Actual"))
        return "NotSupportedAttributeType"; /* B05.FR.06, B06.FR.08 */
    return NULL;
}

bool refuse_too_large(struct station *s, const struct rpc_request *request, const json_t *items,
                      enum variable_id items_limit, enum variable_id bytes_limit)
{
    if ((int64_t)json_array_size(items) > variable_int(s, items_limit))
        rpc_error(s->rpc, request, RPC_OCCURRENCE_CONSTRAINT_VIOLATION,
                  "more items than ItemsPerMessage allows");
    else if ((int64_t)request->size > variable_int(s, bytes_limit))
        rpc_error(s->rpc, request, RPC_FORMAT_VIOLATION, "more bytes than BytesPerMessage allows");
    else
        return false;
    return true;
}

/* ---- GetVariables ---- */

static json_t *get_one(const struct station *s, const json_t *item)
{
    const struct variable_row *row;
    struct variable_place place;
    const char *status = item_status(s, item, &row, &place);
    if (status)
        return result_of(item, status, NULL);
    if (row->mutability == WRITE_ONLY)
        return result_of(item, "Rejected", "WriteOnly"); /* B06.FR.09 */

    char text[VARIABLE_VALUE_SIZE];
    json_t *result = result_of(item, "Accepted", NULL);
    variable_get(row, &place, text);
    json_set_optional(result, "attributeValue", json_string(text)); /* "" if it has none: B06.FR.13 */
    return result;
}

static void on_get_variables(struct station *s, const struct rpc_request *request)
{
    const json_t *items = json_object_get(request->payload, "getVariableData");
    if (refuse_too_large(s, request, items, VAR_DEVICE_DATA_ITEMS_GET_VARIABLES,
                         VAR_DEVICE_DATA_BYTES_GET_VARIABLES))
        return;
    json_t *results = json_array();
    for (size_t i = 0; i < json_array_size(items); i++)
        json_array_append_new(results, get_one(s, json_array_get(items, i)));
    rpc_result(s->rpc, request, json_pack("{s:o}", "getVariableResult", results));
}

/* ---- SetVariables: checked, stored, applied, answered; in this order, so that what was accepted is there after a power cut ---- */

struct set_request {
    struct rpc_request request;
    json_t *results;
    size_t count;
    struct {
        const struct variable_row *row;
        int evse;      /* of a row of TIER_EVSE; else 0 */
        size_t result; /* index of its result */
        char *text;
        char key[VARIABLE_KEY_SIZE];
    } changes[];
};

static void set_request_free(struct set_request *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->changes[i].text);
    json_decref(set->results);
    free(set);
}

static json_t *set_one(struct station *s, struct set_request *set, const json_t *item)
{
    const struct variable_row *row;
    struct variable_place place;
    const char *text = json_get_string(item, "attributeValue", "");
    const char *status = item_status(s, item, &row, &place);
    if (status)
        return result_of(item, status, NULL);
    if (row->mutability == READ_ONLY)
        return result_of(item, "Rejected", "ReadOnly"); /* B05.FR.09 */
    const char *wrong = variable_check(row, s, text);
    if (wrong)
        return result_of(item, "Rejected", wrong); /* B05.FR.07, .08 */
    wrong = row->refuse ? row->refuse(s, text) : NULL;
    if (wrong)
        return result_of(item, "Rejected", wrong);

    char *copy = strdup(text);
    if (!copy)
        return result_of(item, "Rejected", "OutOfMemory");
    int evse = variable_place_evse(&place);
    set->changes[set->count].row = row;
    set->changes[set->count].evse = evse;
    set->changes[set->count].result = json_array_size(set->results);
    set->changes[set->count].text = copy;
    variable_key(row, evse, set->changes[set->count].key);
    set->count++;
    return result_of(item, "Accepted", NULL); /* B05.FR.10 */
}

static void on_set_stored(struct station *s, void *ctx, int err)
{
    struct set_request *set = ctx;
    if (s->freeing) {
        set_request_free(set);
        return;
    }

    for (size_t i = 0; i < set->count; i++) {
        json_t *result = json_array_get(set->results, set->changes[i].result);
        if (err == 0)
            err = variable_set(s, set->changes[i].row, set->changes[i].evse, set->changes[i].text);
        if (err < 0) {
            json_object_set_new(result, "attributeStatus", json_string("Rejected"));
            json_set_optional(result, "attributeStatusInfo",
                              json_pack("{s:s}", "reasonCode", "InternalError"));
        }
    }
    rpc_result(s->rpc, &set->request, json_pack("{s:O}", "setVariableResult", set->results));

    for (size_t i = 0; err == 0 && i < set->count; i++) {
        void (*changed)(struct station *) = set->changes[i].row->changed;
        bool again = false; /* one call of each hook is enough */
        for (size_t j = i + 1; j < set->count; j++)
            again |= set->changes[j].row->changed == changed;
        if (changed && !again)
            changed(s);
    }
    set_request_free(set);
}

static void on_set_variables(struct station *s, const struct rpc_request *request)
{
    const json_t *items = json_object_get(request->payload, "setVariableData");
    size_t count = json_array_size(items);
    if (refuse_too_large(s, request, items, VAR_DEVICE_DATA_ITEMS_SET_VARIABLES,
                         VAR_DEVICE_DATA_BYTES_SET_VARIABLES))
        return;
    struct set_request *set = calloc(1, sizeof(*set) + count * sizeof(set->changes[0]));
    struct record *records = calloc(count + 1, sizeof(*records));
    if (!set || !records) {
        free(set);
        free(records);
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "out of memory");
        return;
    }

    set->request = *request;
    set->request.payload = NULL;
    set->results = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(set->results, set_one(s, set, json_array_get(items, i)));
    for (size_t i = 0; i < set->count; i++)
        records[i] = (struct record){ RECORD_VARIABLE, set->changes[i].key, set->changes[i].text };
    if (set->count > 0)
        station_persist(s, records, set->count, on_set_stored, set);
    else
        on_set_stored(s, set, 0);
    free(records);
}

const struct handler variables_handlers[] = {
    { "GetVariables", WHEN_PENDING_TOO, on_get_variables },
    { "SetVariables", WHEN_PENDING_TOO, on_set_variables },
    { NULL, WHEN_ACCEPTED, NULL },
};
