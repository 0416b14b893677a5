#include "tests/support/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void listing_send(struct bench *b, const char *type, int version, const char *entries, const char *expected)
{
    char text[2000];
    (void)snprintf(text, sizeof(text),
                   "{'versionNumber': %d, 'updateType': '%s', 'localAuthorizationList': [%s]}", version, type,
                   entries);
    bench_call(b, "SendLocalList", text, expected);
}

void listing_full(struct bench *b, int version, const char *entries)
{
    listing_send(b, "Full", version, entries, "{'status': 'Accepted'}");
}

void listing_differential(struct bench *b, int version, const char *entries)
{
    listing_send(b, "Differential", version, entries, "{'status': 'Accepted'}");
}

void listing_expect_version(struct bench *b, int version)
{
    char text[60];
    (void)snprintf(text, sizeof(text), "{'versionNumber': %d}", version);
    bench_call(b, "GetLocalListVersion", "{}", text);
}

const struct list_entry *listing_find(struct bench *b, const char *card)
{
    struct id_token token = token_cache_token(card, "ISO14443");
    return local_list_find(b->station, &token);
}

void listing_expect_entries(struct bench *b, const char *value)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "{'getVariableResult': [{'attributeValue': '%s'}]}", value);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'LocalAuthListCtrlr'}, 'variable': {'name': "
               "'Entries'}}]}",
               text);
}

static json_t *update_of(int version, int first, int count, const char *more)
{
    json_t *list = json_array();
    for (int i = first; i < first + count; i++) {
        char card[ID_TOKEN_SIZE];
        token_cache_name_card(i, card);
        json_t *info = json_loads(more, 0, NULL);
        json_object_set_new(info, "status", json_string("Accepted"));
        json_array_append_new(list, json_pack("{s:{s:s, s:s}, s:o}", "idToken", "idToken", card, "type",
                                              "ISO14443", "idTokenInfo", info));
    }
    return json_pack("{s:i, s:s, s:o}", "versionNumber", version, "updateType", "Differential",
                     "localAuthorizationList", list);
}

void listing_send_many(struct bench *b, int version, int first, int count, const char *more,
                       const char *expected)
{
    json_t *update = update_of(version, first, count, more);
    char *text = json_dumps(update, JSON_COMPACT);
    for (char *c = text; *c; c++)
        if (*c == '"')
            *c = '\'';
    bench_call(b, "SendLocalList", text, expected);
    free(text);
    json_decref(update);
}

size_t listing_records(struct bench *b)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    bench_settle(b);
    json_object_foreach(b->records, name, value) count +=
        str_starts(name, "local_list/0"); /* the generation of an entry's */
    return count;
}

void listing_restart(struct bench *b)
{
    bench_restart(b);
    bench_advance(b, 60000);
    bench_forget(b);
}
