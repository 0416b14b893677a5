/* What people say: one table. Most commands are an OCPP request with a few places for arguments.
 *
 * Placeholders in a template, as the whole of a string: "$1" argument 1 as text, "#1" as a number, "%1" as JSON; "@now" the time,
 * "@id" the next number, "@running" the running transaction. Behind "?" a member is left out if the argument is absent. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/yaml.h"
#include "console.h"
#include "csms.h"
#include "database.h"

#define MAX_WORDS 8

struct words {
    char *text;                  /* the line, cut into words */
    const char *word[MAX_WORDS]; /* [0]: the command */
    int count;
};

struct command {
    const char *name, *arguments, *help;
    int min, max;         /* arguments, the station included */
    const char *action;   /* an OCPP request to the station named first */
    const char *template; /* of its payload, with ' for " */
    void (*run)(struct csms *csms, const struct words *words, csms_origin origin); /* or code */
};

/* ---- templates ---- */

static json_t *special(struct csms *csms, const char *station, const char *name)
{
    char text[TIMESTAMP_SIZE + 16];
    if (str_equal(name, "@id"))
        return json_integer(++csms->next_id);
    if (str_equal(name, "@now")) {
        timestamp_format(env_wall_ms(&csms->loop.env), text);
        return json_string(text);
    }
    return database_running(csms->database, station, text, sizeof(text)) == 0 ? json_string(text) : NULL;
}

static json_t *number(const char *text)
{
    int64_t integer;
    double real;
    if (str_to_int64(text, &integer) == 0)
        return json_integer(integer);
    return str_to_double(text, &real) == 0 ? json_real(real) : NULL;
}

/* The value for a placeholder; NULL if there is none (absent argument, no number ...). */
static json_t *argument(struct csms *csms, const struct words *words, const char *placeholder)
{
    if (placeholder[0] == '@')
        return special(csms, words->word[1], placeholder);
    int index = placeholder[1] - '0';
    if (index < 0 || index >= words->count)
        return NULL;
    const char *word = words->word[index];
    return placeholder[0] == '#'   ? number(word)
           : placeholder[0] == '%' ? json_from_text(word, strlen(word))
                                   : json_string(word);
}

/* A copy of `node` with its placeholders filled in; NULL and `ret_missing` if a needed one has no value: what is wrong,
 * static. Templates are ours: shallow. */
static json_t *fill(struct csms *csms, const struct words *words, const json_t *node,
                    const char **ret_missing)
{
    if (json_is_string(node)) {
        const char *text = json_string_value(node);
        bool optional = text[0] == '?';
        if (optional)
            text++;
        if (!strchr("$#%@", text[0]))
            return json_incref((json_t *)(uintptr_t)node);
        json_t *value = argument(csms, words, text);
        if (!value && !optional)
            *ret_missing = str_equal(text, "@running") ? "no transaction is running" : "an argument is wrong";
        return value;
    }
    json_t *copy = json_is_object(node)  ? json_object()
                   : json_is_array(node) ? json_array()
                                         : json_copy((json_t *)(uintptr_t)node);
    const char *key;
    size_t index;
    json_t *member;
    if (json_is_object(node))
        json_object_foreach((json_t *)(uintptr_t)node, key, member)(void)
            json_set_optional(copy, key, fill(csms, words, member, ret_missing));
    if (json_is_array(node))
        json_array_foreach((json_t *)(uintptr_t)node, index, member)(void)
            json_array_append_new(copy, fill(csms, words, member, ret_missing));
    return copy;
}

static json_t *payload_of(struct csms *csms, const struct command *command, const struct words *words,
                          const char **ret_missing)
{
    AUTO_FREE char *text = strdup(command->template);
    for (char *at = text; at && *at; at++)
        if (*at == '\'')
            *at = '"';
    AUTO(json_t) *template = text ? json_from_text(text, strlen(text)) : NULL;
    return template ? fill(csms, words, template, ret_missing) : NULL;
}

/* ---- commands that only look ---- */

static void run_stations(struct csms *csms, const struct words *words, csms_origin origin)
{
    (void)words;
    json_t *list = json_array();
    LIST_FOREACH(link, next, &csms->stations)
    {
        struct csms_station *s = LIST_ITEM(link, struct csms_station, link);
        json_t *row = json_pack("{s:s, s:b, s:O}", "id", s->id, "connected", s->websocket != NULL,
                                "connectors", s->connectors);
        if (s->boot)
            (void)json_object_set(row, "boot", s->boot);
        (void)json_array_append_new(list, row);
    }
    console_answer(csms->console, origin, json_pack("{s:b, s:o}", "ok", 1, "stations", list));
}

static void run_transactions(struct csms *csms, const struct words *words, csms_origin origin)
{
    (void)words;
    console_answer(csms->console, origin,
                   json_pack("{s:b, s:o}", "ok", 1, "transactions", database_transactions(csms->database)));
}

static void fail(struct csms *csms, csms_origin origin, const char *text)
{
    console_answer(csms->console, origin, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

static void run_variables(struct csms *csms, const struct words *words, csms_origin origin)
{
    struct csms_station *station = csms_station(csms, words->word[1]);
    if (!station)
        fail(csms, origin, "no such station; `stations` lists them");
    else
        console_answer(csms->console, origin, json_pack("{s:b, s:O}", "ok", 1, "variables", station->report));
}

static void run_help(struct csms *csms, const struct words *words, csms_origin origin);

static void run_quit(struct csms *csms, const struct words *words, csms_origin origin)
{
    (void)words;
    console_answer(csms->console, origin, json_pack("{s:b}", "ok", 1));
    loop_stop(&csms->loop);
}

/* ---- the table ---- */

/* clang-format off */
static const struct command commands[] = {
    { "stations", "", "stations seen since the start", 0, 0, .run = run_stations },
    { "transactions", "", "all transactions: id, station, token, Wh, duration, stop reason", 0, 0, .run = run_transactions },
    { "variables", "STATION", "what the last report said", 1, 1, .run = run_variables },
    { "start", "STATION EVSE TOKEN TYPE", "remote start with a token of this type", 4, 4, .action = "RequestStartTransaction",
      .template = "{'evseId': '#2', 'remoteStartId': '@id', 'idToken': {'idToken': '$3', 'type': '$4'}}" },
    { "start", "STATION EVSE TOKEN", "remote start", 3, 3, .action = "RequestStartTransaction",
      .template = "{'evseId': '#2', 'remoteStartId': '@id', 'idToken': {'idToken': '$3', 'type': 'Central'}}" },
    { "stop", "STATION [TRANSACTION]", "remote stop", 2, 2, .action = "RequestStopTransaction", .template = "{'transactionId': '$2'}" },
    { "stop", "STATION", "remote stop of the running transaction", 1, 1, .action = "RequestStopTransaction", .template = "{'transactionId': '@running'}" },
    { "limit", "STATION EVSE AMPERE", "limit the current of an EVSE (default profile)", 3, 3, .action = "SetChargingProfile",
      .template = "{'evseId': '#2', 'chargingProfile': {'id': '@id', 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile',"
      " 'chargingProfileKind': 'Absolute', 'chargingSchedule': [{'id': 1, 'startSchedule': '@now', 'chargingRateUnit': 'A',"
      " 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': '#3'}]}]}}" },
    { "unlimit", "STATION [EVSE]", "clear default profiles", 1, 2, .action = "ClearChargingProfile",
      .template = "{'chargingProfileCriteria': {'evseId': '?#2', 'chargingProfilePurpose': 'TxDefaultProfile'}}" },
    { "get", "STATION COMPONENT VARIABLE [INSTANCE]", "read a variable", 3, 4, .action = "GetVariables",
      .template = "{'getVariableData': [{'component': {'name': '$2'}, 'variable': {'name': '$3', 'instance': '?$4'}}]}" },
    { "set", "STATION COMPONENT VARIABLE VALUE [INSTANCE]", "set a variable", 4, 5, .action = "SetVariables",
      .template = "{'setVariableData': [{'component': {'name': '$2'}, 'variable': {'name': '$3', 'instance': '?$5'}, 'attributeValue': '$4'}]}" },
    { "report", "STATION", "ask for the full inventory", 1, 1, .action = "GetBaseReport", .template = "{'requestId': '@id', 'reportBase': 'FullInventory'}" },
    { "trigger", "STATION MESSAGE [EVSE]", "ask for a message", 3, 3, .action = "TriggerMessage",
      .template = "{'requestedMessage': '$2', 'evse': {'id': '#3', 'connectorId': 1}}" },
    { "trigger", "STATION MESSAGE", "ask for a message", 2, 2, .action = "TriggerMessage", .template = "{'requestedMessage': '$2'}" },
    { "reset", "STATION Immediate|OnIdle [EVSE]", "restart", 2, 3, .action = "Reset", .template = "{'type': '$2', 'evseId': '?#3'}" },
    { "unlock", "STATION EVSE CONNECTOR", "release the cable", 3, 3, .action = "UnlockConnector", .template = "{'evseId': '#2', 'connectorId': '#3'}" },
    { "availability", "STATION Operative|Inoperative EVSE", "of an EVSE", 3, 3, .action = "ChangeAvailability",
      .template = "{'operationalStatus': '$2', 'evse': {'id': '#3'}}" },
    { "availability", "STATION Operative|Inoperative", "of the station", 2, 2, .action = "ChangeAvailability", .template = "{'operationalStatus': '$2'}" },
    { "send", "STATION ACTION JSON", "any OCPP request", 3, 3, .template = "'%3'" },
    { "help", "", "this list", 0, 0, .run = run_help },
    { "quit", "", "end the CSMS", 0, 0, .run = run_quit },
};
/* clang-format on */

static void run_help(struct csms *csms, const struct words *words, csms_origin origin)
{
    (void)words;
    json_t *list = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        char usage[80];
        (void)snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].arguments);
        (void)json_object_set_new(list, usage, json_string(commands[i].help));
    }
    console_answer(csms->console, origin, json_pack("{s:b, s:o}", "ok", 1, "help", list));
}

static void run_request(struct csms *csms, const struct command *command, const struct words *words,
                        csms_origin origin)
{
    struct csms_station *station = csms_station(csms, words->word[1]);
    const char *missing = NULL;
    if (!station) {
        fail(csms, origin, "no such station; `stations` lists them");
        return;
    }
    AUTO(json_t) *payload = payload_of(csms, command, words, &missing);
    if (missing || !payload) {
        char text[120];
        (void)snprintf(text, sizeof(text), "%s; usage: %s %s", missing ? missing : "out of memory",
                       command->name, command->arguments);
        fail(csms, origin, text);
        return;
    }
    int r = csms_call(station, command->action ? command->action : words->word[2], STEAL(payload), origin);
    if (r < 0)
        fail(csms, origin, r == -ENOTCONN ? "the station is not connected" : err_text(r));
}

/* Cuts the line at blanks; of `send` the rest from word 3 on stays whole, since JSON has blanks. */
static int cut(struct words *words, const char *line)
{
    words->text = strdup(line);
    if (!words->text)
        return -ENOMEM;
    char *at = words->text;
    while (words->count < MAX_WORDS) {
        at += strspn(at, " \t\r\n");
        if (!*at)
            break;
        words->word[words->count++] = at;
        if (words->count == 4 && str_equal(words->word[0], "send"))
            break;
        at += strcspn(at, " \t\r\n");
        if (*at)
            *at++ = '\0';
    }
    return 0;
}

void csms_command(struct csms *csms, const char *line, csms_origin origin)
{
    struct words words = { 0 };
    const char *names[ARRAY_SIZE(commands) + 1] = { NULL };
    const struct command *near_miss = NULL;
    if (cut(&words, line) < 0) {
        fail(csms, origin, "out of memory");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands) && words.count; i++) {
        const struct command *command = &commands[i];
        names[i] = command->name;
        if (!str_equal(command->name, words.word[0]))
            continue;
        near_miss = command;
        if (words.count - 1 < command->min || words.count - 1 > command->max)
            continue;
        if (command->run)
            command->run(csms, &words, origin);
        else
            run_request(csms, command, &words, origin);
        free(words.text);
        return;
    }
    char text[160] = "";
    const char *near = words.count ? nearest_name(words.word[0], names) : NULL;
    if (near_miss)
        (void)snprintf(text, sizeof(text), "usage: %s %s", near_miss->name, near_miss->arguments);
    else
        (void)snprintf(text, sizeof(text), "unknown command; %s%s", near ? "did you mean " : "see help",
                       near ? near : "");
    fail(csms, origin, text);
    free(words.text);
}
