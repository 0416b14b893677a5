/* `ocpp-cli scan modbus`: which units answer, with which settings of the line, and which profile they are like. It only reads, only what some
 * profile names, one question at a time, over one connection. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "driver/modbus/plan.h"
#include "gateway/config.h"
#include "gateway/likeness.h"
#include "gateway/scan_request.h"
#include "modbus_line.h"
#include "scan.h"

#define MAX_PROFILES 300
#define MAX_ANSWERS  4000 /* kept, so that nothing is asked twice */
#define SHOWN        5    /* profiles of each unit */

enum { UNITS, PROFILES, TIMEOUT, FRAMING, BAUD, PARITY, STOP_BITS, PAUSE, LINES, GATEWAY };

const struct cli_option scan_modbus_options[] = {
    [UNITS] = { "units", "LIST", "unit ids to look at, such as 1-20,50 (default: those that profiles name)",
                0 },
    [PROFILES] = { "profiles", "DIRS", "where profiles are looked for, separated by colons", 0 },
    [TIMEOUT] = { "timeout", "TIME", "of an answer (default 500ms)", 0 },
    [FRAMING] = { "framing", "tcp|rtu|ascii",
                  "of a TCP connection: tcp (default), or raw frames of a converter", 0 },
    [BAUD] = { "baud", "RATE", "of a serial line (default: tries the usual ones)", 0 },
    [PARITY] = { "parity", "none|even|odd", "of a serial line", 0 },
    [STOP_BITS] = { "stop-bits", "1|2", "of a serial line", 0 },
    [PAUSE] = { "pause", "TIME", "between two questions (default 20ms)", 0 },
    [LINES] = { "lines", NULL, SCAN_LINES_HELP, 0 },
    [GATEWAY] = { "gateway", NULL, SCAN_GATEWAY_HELP, 'g' },
    { 0 },
};

struct answer {
    int unit;
    uint8_t function;
    uint16_t address, count;
    int err;
    uint8_t data[POINT_MAX_RAW];
};

struct found {
    size_t profile;
    struct likeness likeness;
};

struct scan {
    const struct cli *cli;
    struct modbus_target target;
    struct modbus_line line;
    struct profile *profiles[MAX_PROFILES];
    size_t profile_count;
    bool units[SCAN_UNITS];
    struct answer *answers;
    size_t answer_count;
    int unit; /* looked at now */
    uint8_t exception;
    char trouble[120]; /* why it was ended; "": it was not */
    struct scan_output output;
};

/* ---- profiles ---- */

static void load_profile(struct scan *s, const char *path, const char *directories)
{
    struct problems problems;
    struct profile *profile = NULL;
    problems_init(&problems);
    if (s->profile_count < MAX_PROFILES && config_load_profile(path, directories, &problems, &profile) == 0) {
        const struct modbus_options *o = &profile->modbus;
        bool known =
            profile->protocol != PROTOCOL_MODBUS || (s->target.bus.serial && !o->over_rtu && !o->over_ascii);
        for (size_t i = 0; i < s->profile_count && !known; i++)
            known = str_equal(s->profiles[i]->name, profile->name); /* the first directory counts */
        if (known)
            profile_free(profile);
        else
            s->profiles[s->profile_count++] = profile;
    }
    problems_done(&problems); /* `profile check` tells them */
}

static int is_profile(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && str_equal(entry->d_name + len - 5, ".yaml") && !strstr(entry->d_name, ".test.");
}

static void load_profiles(struct scan *s)
{
    const char *at = s->cli->values[PROFILES] ? s->cli->values[PROFILES] : DEFAULT_PROFILES;
    const char *all = at;
    while (*at) {
        size_t len = strcspn(at, ":");
        struct dirent **entries = NULL;
        AUTO_FREE char *directory = strndup(at, len);
        int count =
            directory && !str_equal(directory, ".") ? scandir(directory, &entries, is_profile, alphasort) : 0;
        for (int i = 0; i < count; i++) {
            AUTO_FREE char *path = NULL;
            if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) >= 0)
                load_profile(s, path, all);
            free(entries[i]);
        }
        free(entries);
        at += len + (at[len] == ':');
    }
}

/* ---- asking ---- */

/* -ECANCELED ends the scan: the device hung up, so it is not asked any more. */
static int read_device(void *ctx, int unit_offset, uint8_t function, uint16_t address, uint16_t count,
                       uint8_t *ret)
{
    struct scan *s = ctx;
    int unit = s->unit + unit_offset;
    for (size_t i = 0; i < s->answer_count; i++) {
        const struct answer *a = &s->answers[i];
        if (a->unit == unit && a->function == function && a->address == address && a->count == count) {
            memcpy(ret, a->data, sizeof(a->data));
            return a->err;
        }
    }
    struct modbus_request request = { .function = function, .address = address, .count = count };
    int r = unit > 255 ? -ERR_NO_ANSWER : modbus_line_ask(&s->line, unit, &request);
    s->exception = s->line.exception;
    if (r == -ERR_LINK_DOWN) {
        (void)snprintf(s->trouble, sizeof(s->trouble),
                       "unit %d closed the connection when it was asked for %d words from %d on", unit, count,
                       address);
        return -ECANCELED;
    }
    r = r == -EBADMSG ? -ERR_NO_ANSWER : r;
    if (s->answer_count < MAX_ANSWERS) {
        struct answer *a = &s->answers[s->answer_count++];
        *a = (struct answer){
            .unit = unit, .function = function, .address = address, .count = count, .err = r
        };
        if (r == 0)
            memcpy(a->data, s->line.data, s->line.len < sizeof(a->data) ? s->line.len : sizeof(a->data));
        memcpy(ret, a->data, sizeof(a->data));
    }
    return r;
}

/* The first point that the profile's state hangs on. */
static const struct point *key_of(const struct profile *profile)
{
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].access & ACCESS_R && point_is_readable(&profile->points[i]) &&
            profile->points[i].every_ms > 0 && profile->points[i].every_ms <= 2000)
            return &profile->points[i];
    return profile->point_count && point_is_readable(&profile->points[0]) ? &profile->points[0] : NULL;
}

/* Whether anything answers at this unit, an exception too: up to a few questions, of the profiles that have it as their own first. */
static bool unit_answers(struct scan *s, int unit)
{
    int asked = 0;
    uint8_t ignored[POINT_MAX_RAW];
    s->unit = unit;
    for (int pass = 0; pass < 2 && asked < 3; pass++)
        for (size_t i = 0; i < s->profile_count && asked < 3 && !*s->trouble; i++) {
            const struct point *key = key_of(s->profiles[i]);
            if (!key || (s->profiles[i]->modbus.unit == unit) != (pass == 0))
                continue;
            asked++;
            int r = read_device(s, 0, point_read_function(key), key->at.modbus.address, key->at.modbus.count,
                                ignored);
            if (r == 0 || r == -ERR_DEVICE_EXCEPTION)
                return true;
        }
    return false;
}

/* ---- units ---- */

static bool choose_units(struct scan *s)
{
    const char *given = s->cli->values[UNITS];
    if (given && scan_read_units(given, s->units) < 0) {
        (void)fprintf(stderr, "ocpp-cli: %s: expected unit ids from 0 to 255, such as 1-20,50\n", given);
        return false;
    }
    for (size_t i = 0; i < s->profile_count && !given; i++)
        s->units[s->profiles[i]->modbus.unit] = true;
    if (s->target.bus.framing != MODBUS_TCP)
        s->units[0] = false; /* everybody is meant, nobody answers */
    return true;
}

/* ---- judging ---- */

static int by_score(const void *a, const void *b)
{
    const struct likeness *x = &((const struct found *)a)->likeness,
                          *y = &((const struct found *)b)->likeness;
    if (x->score != y->score)
        return y->score - x->score;
    return x->evses != y->evses ? y->evses - x->evses : y->answered - x->answered;
}

/* What to write into gateway.yaml. */
static void print_snippet(const struct scan *s, const struct profile *profile)
{
    static const char *const parities[] = { ['N'] = "none", ['E'] = "even", ['O'] = "odd" };
    const struct modbus_bus_settings *bus = &s->target.bus;
    (void)printf("\n  in gateway.yaml:\n");
    if (bus->serial)
        (void)printf("    buses: { line: { serial: %s, line: { baud: %d, parity: %s, stop_bits: %d }%s } }\n",
                     bus->line.path, bus->line.baud, parities[(int)bus->line.parity], bus->line.stop_bits,
                     bus->framing == MODBUS_ASCII ? ", framing: ascii" : "");
    if (bus->serial)
        (void)printf("    chargers: [ { profile: %s, bus: line, unit: %d } ]\n", profile->name, s->unit);
    else
        (void)printf("    chargers: [ { profile: %s, tcp: \"%s:%d\", unit: %d } ]\n", profile->name,
                     bus->host, bus->port, s->unit);
}

static void show(struct scan *s, const struct found *best, size_t count)
{
    json_t *list = json_array();
    if (s->output.is_text)
        (void)printf("unit %d answers%s\n", s->unit,
                     count && best[0].likeness.score > 0 ? "" : "; no profile fits");
    for (size_t i = 0; i < count && i < SHOWN && best[i].likeness.score > 0; i++) {
        const struct profile *profile = s->profiles[best[i].profile];
        if (s->output.is_text)
            (void)printf("  %3d  %-32s %s\n", best[i].likeness.score, profile->name, best[i].likeness.reason);
        (void)json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:b}", "profile", profile->name, "score",
                                                    best[i].likeness.score, "reason", best[i].likeness.reason,
                                                    "identified", best[i].likeness.identified));
    }
    if (s->output.is_text && count && best[0].likeness.score >= 50)
        print_snippet(s, s->profiles[best[0].profile]);
    scan_tell_found(&s->output, json_pack("{s:i, s:o, s:o}", "unit", s->unit, "settings",
                                          scan_settings_json(&s->target.bus), "profiles", list));
}

static void judge_unit(struct scan *s, int unit)
{
    struct found *found = calloc(s->profile_count + 1, sizeof(*found));
    size_t count = 0;
    s->unit = unit;
    for (size_t i = 0; found && i < s->profile_count && !*s->trouble; i++) {
        found[count].profile = i;
        likeness_of(s->profiles[i], read_device, s, &found[count].likeness);
        count++;
    }
    if (found) {
        qsort(found, count, sizeof(*found), by_score);
        show(s, found, count);
    }
    free(found);
}

/* ---- one line, with one setting ---- */

/* Whether something answered; negative: it cannot be opened. */
static int scan_line(struct scan *s)
{
    size_t before = s->output.found;
    int r = modbus_line_open(&s->line, &s->target);
    for (int unit = 0; r == 0 && unit < SCAN_UNITS && !*s->trouble; unit++)
        if (s->units[unit] && unit_answers(s, unit))
            judge_unit(s, unit);
    modbus_line_close(&s->line);
    s->answer_count = 0; /* with other settings it may be another device */
    return r < 0 ? r : s->output.found > before;
}

static void say_cannot_open(struct scan *s, int err)
{
    const char *where = s->target.bus.serial ? s->target.bus.line.path : s->target.bus.host;
    scan_tell_error(&s->output, "%s cannot be opened: %s%s", where, err_text(err),
                    err == -EBUSY
                        ? " (is it the gateway's? stop it, or take it out of its configuration for the time)"
                        : "");
}

static const struct {
    int baud, data_bits, stop_bits;
    char parity;
    enum modbus_framing framing;
} usual[] = {
    { 9600, 8, 1, 'N', MODBUS_RTU },   { 9600, 8, 1, 'E', MODBUS_RTU },  { 19200, 8, 1, 'E', MODBUS_RTU },
    { 19200, 8, 1, 'N', MODBUS_RTU },  { 57600, 8, 2, 'N', MODBUS_RTU }, { 57600, 8, 1, 'N', MODBUS_RTU },
    { 115200, 8, 1, 'N', MODBUS_RTU }, { 38400, 8, 1, 'N', MODBUS_RTU }, { 38400, 8, 1, 'E', MODBUS_ASCII },
};

/* All that is not given is tried, until something answers. */
static int scan_serial(struct scan *s)
{
    const char *const *given = s->cli->values;
    struct serial_settings *line = &s->target.bus.line, wished = s->target.bus.line;
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(usual) && r == 0 && !*s->trouble; i++) {
        if ((given[BAUD] && wished.baud != usual[i].baud) ||
            (given[PARITY] && wished.parity != usual[i].parity) ||
            (given[STOP_BITS] && wished.stop_bits != usual[i].stop_bits) ||
            (given[FRAMING] && str_equal(given[FRAMING], "ascii") != (usual[i].framing == MODBUS_ASCII)))
            continue;
        line->baud = usual[i].baud;
        line->parity = usual[i].parity;
        line->stop_bits = usual[i].stop_bits;
        line->data_bits = usual[i].data_bits;
        s->target.bus.framing = usual[i].framing;
        scan_tell_step(&s->output, "%s: %d baud, %d%c%d%s", line->path, line->baud, line->data_bits,
                       line->parity, line->stop_bits, usual[i].framing == MODBUS_ASCII ? ", ASCII" : "");
        r = scan_line(s);
    }
    if (r == 0 && given[BAUD] && given[PARITY] && !*s->trouble && s->output.found == 0 &&
        line->baud != wished.baud) {
        *line = wished; /* one that is not usual */
        s->target.bus.framing =
            given[FRAMING] && str_equal(given[FRAMING], "ascii") ? MODBUS_ASCII : MODBUS_RTU;
        r = scan_line(s);
    }
    return r;
}

/* ---- by the gateway ---- */

static void print_found(const json_t *found)
{
    const json_t *profile, *settings = json_object_get(found, "settings");
    size_t index;
    const char *serial = json_get_string(settings, "serial", NULL);
    (void)printf("unit %lld answers", (long long)json_get_int(found, "unit", 0));
    if (serial)
        (void)printf(" on %s, %lld baud, parity %s, %lld stop bits", serial,
                     (long long)json_get_int(settings, "baud", 0), json_get_string(settings, "parity", "?"),
                     (long long)json_get_int(settings, "stop_bits", 0));
    (void)putchar('\n');
    json_array_foreach(json_object_get(found, "profiles"), index, profile)
    {
        (void)printf("  %3lld  %-32s %s\n", (long long)json_get_int(profile, "score", 0),
                     json_get_string(profile, "profile", "?"), json_get_string(profile, "reason", ""));
    }
}

static void set_number(json_t *request, const char *member, const char *text)
{
    int64_t number = 0;
    if (text)
        (void)json_set_optional(request, member,
                                str_to_int64(text, &number) == 0 ? json_integer(number) : json_string(text));
}

static int ask_gateway(const struct cli *cli, const char *target)
{
    static const int alone[] = { PROFILES, TIMEOUT, PAUSE, LINES };
    for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
        if (cli->values[alone[i]])
            return cli_complain("--%s does not go with --gateway", scan_modbus_options[alone[i]].name);
    json_t *request = json_pack("{s:s, s:s}", "protocol", "modbus", "target", target);
    (void)json_set_text(request, "units", cli->values[UNITS]);
    (void)json_set_text(request, "framing", cli->values[FRAMING]);
    (void)json_set_text(request, "parity", cli->values[PARITY]);
    set_number(request, "baud", cli->values[BAUD]);
    set_number(request, "stopBits", cli->values[STOP_BITS]);
    return scan_by_gateway(cli, request, print_found);
}

int run_scan_modbus(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    if (cli->values[GATEWAY])
        return ask_gateway(cli, argv[0]);
    const struct modbus_words words = { cli->values[FRAMING],
                                        cli->values[BAUD],
                                        cli->values[PARITY],
                                        cli->values[STOP_BITS],
                                        cli->values[TIMEOUT] ? cli->values[TIMEOUT] : "500ms",
                                        cli->values[PAUSE] ? cli->values[PAUSE] : "20ms" };
    struct scan *s = calloc(1, sizeof(*s));
    int result = EXIT_FAILURE;
    bool is_complete = false;
    if (!s || modbus_target_read(argv[0], &words, &s->target) < 0) {
        free(s);
        return EXIT_USAGE;
    }
    s->cli = cli;
    s->answers = calloc(MAX_ANSWERS, sizeof(*s->answers));
    load_profiles(s);
    scan_output_init(&s->output, cli, cli->values[LINES] != NULL);
    if (s->profile_count == 0)
        scan_tell_error(&s->output,
                        "there are no profiles to compare with; say where they are with --profiles");
    else if (!choose_units(s))
        result = EXIT_USAGE;
    else if (s->answers) {
        int r = s->target.bus.serial ? scan_serial(s) : scan_line(s);
        if (r < 0)
            say_cannot_open(s, r);
        else if (s->output.found == 0 && !*s->trouble)
            scan_tell(&s->output, "nothing answers");
        if (*s->trouble)
            scan_tell_error(&s->output, "%s; it is not asked any more", s->trouble);
        is_complete = true;
        result = s->output.found && !*s->trouble ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    scan_output_done(&s->output, is_complete);
    for (size_t i = 0; i < s->profile_count; i++)
        profile_free(s->profiles[i]);
    free(s->answers);
    free(s);
    return result;
}
