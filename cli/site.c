/* The site in one look, its power over time, one station (site.h). */
#include "site.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "connection.h"
#include "display.h"
#include "list_columns.h"

#define POWER_ROWS 30 /* of a table for people */
#define BAR_WIDTH  40

/* The answer of a GET, for programs printed at once: NULL then, too. *ret_code is the exit code so far. */
static json_t *get(const struct cli *cli, const char *path, int *ret_code)
{
    json_t *answer = path ? api_ask(cli, "GET", path, NULL) : NULL;
    *ret_code = answer ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!answer || !cli->json)
        return answer;
    cli_print_json(answer);
    json_decref(answer);
    return NULL;
}

/* ---- overview ---- */

static void print_overview(const json_t *overview)
{
    char power[32] = "not known", uptime[32];
    const json_t *stations = json_object_get(overview, "stations"),
                 *evses = json_object_get(overview, "evses");
    const char *state;
    json_t *count;
    duration_text(json_get_int(overview, "uptimeSeconds", 0), uptime, sizeof(uptime));
    cell_power(json_object_get(overview, "powerW"), power, sizeof(power));
    (void)printf("ocpp-gateway %s, up %s\n", json_get_string(overview, "version", "?"), uptime);
    (void)printf("stations  %lld, %lld with a link to their CSMS\n",
                 (long long)json_get_int(stations, "total", 0),
                 (long long)json_get_int(stations, "connected", 0));
    (void)printf("EVSEs     %lld", (long long)json_get_int(evses, "total", 0));
    json_object_foreach(json_object_get(evses, "byState"), state, count)
    {
        (void)printf(", %lld %s", (long long)json_integer_value(count), state);
    }
    (void)printf("\npower     %s\n", power);
    (void)putchar('\n');
    table_print(json_object_get(overview, "attention"), attention_columns, "nothing needs attention");
}

int run_overview(const struct cli *cli, int argc, char **argv)
{
    int code;
    (void)argc;
    (void)argv;
    AUTO(json_t) *overview = get(cli, "/overview", &code);
    if (overview)
        print_overview(overview);
    return code;
}

/* ---- power ---- */

const struct cli_option power_options[] = {
    { "for", "TIME", "how far back, from 1min to 24h (default 1h)", 0 },
    { 0 },
};

/* The mean of what is known of values from..to-1; NAN: nothing is. */
static double mean(const json_t *values, size_t from, size_t to)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = from; i < to; i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_number(value))
            continue;
        sum += json_number_value(value);
        known++;
    }
    return known ? sum / (double)known : NAN;
}

static void print_power_row(int64_t at_ms, double power_W, double most_W)
{
    char clock[16] = "", power[32] = "-";
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;
    if (localtime_r(&seconds, &parts))
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    if (!isnan(power_W))
        power_text(power_W, power, sizeof(power));
    (void)printf("%-8s  %9s", clock, power);
    int bar = most_W > 0 && power_W > 0 ? (int)lround(power_W / most_W * BAR_WIDTH) : 0;
    (void)printf("%s", bar ? "  " : "");
    while (bar-- > 0)
        (void)putchar('#');
    (void)putchar('\n');
}

static void print_power(const json_t *power)
{
    const json_t *values = json_object_get(power, "powerW");
    int64_t from_ms = 0, step_ms = json_get_int(power, "stepSeconds", 1) * 1000;
    size_t count = json_array_size(values), step = (count + POWER_ROWS - 1) / POWER_ROWS;
    double most_W = 0;
    (void)timestamp_parse(json_get_string(power, "from", ""), &from_ms);
    for (size_t i = 0; i < count; i += step)
        most_W = fmax(most_W, mean(values, i, i + step));
    (void)printf("%-8s  %9s\n", "FROM", "POWER");
    for (size_t i = 0; i < count; i += step)
        print_power_row(from_ms + (int64_t)i * step_ms, mean(values, i, i + step), most_W);
}

int run_power(const struct cli *cli, int argc, char **argv)
{
    int64_t back_ms = 3600 * 1000;
    int code;
    char seconds[24];
    if (cli->values[0] &&
        (str_to_duration_ms(cli->values[0], &back_ms) < 0 || back_ms < 60000 || back_ms > 86400000))
        return cli_complain("%s: expected --for from 1min to 24h", cli->values[0]);
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(back_ms / 1000));
    AUTO_FREE char *path = argc ? api_path("/power?seconds=%s&station=%s", seconds, argv[0])
                                : api_path("/power?seconds=%s", seconds);
    AUTO(json_t) *power = get(cli, path, &code);
    if (power)
        print_power(power);
    return code;
}

/* ---- one station ---- */

int run_station_show(const struct cli *cli, int argc, char **argv)
{
    int code;
    (void)argc;
    AUTO_FREE char *path = api_path("/stations/%s", argv[0]);
    AUTO(json_t) *station = get(cli, path, &code);
    if (!station)
        return code;
    const json_t *item = json_object_get(station, "item");
    (void)printf("%s %s\n", json_get_string(item, "vendor", ""), json_get_string(item, "model", ""));
    display_station(station);
    (void)putchar('\n');
    table_print(json_object_get(item, "attention"), attention_columns + 1, "nothing needs attention");
    return code;
}

int run_frames(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/stations/%s/frames", argv[0]);
    AUTO_FREE char *text = api_text(cli, path);
    if (text)
        (void)fputs(text, stdout);
    return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_whoami(const struct cli *cli, int argc, char **argv)
{
    int code;
    (void)argc;
    (void)argv;
    AUTO(json_t) *session = get(cli, "/session", &code);
    if (session)
        (void)printf("%s (%s), ocpp-gateway %s\n", json_get_string(session, "user", "?"),
                     json_get_string(session, "role", "?"), json_get_string(session, "version", "?"));
    return code;
}
