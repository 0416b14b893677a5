/* The report of an acceptance test, to be handed over: the same in JSON and in HTML that needs nothing else (verify.h). */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "verify.h"

#define PLOT_WIDTH  860
#define PLOT_HEIGHT 220

/* Failed if anything did; unclear if something was and nothing failed. */
enum verdict verify_result(const struct verification *v)
{
    enum verdict result = v->check_count ? VERDICT_PASSED : VERDICT_FAILED;
    for (size_t i = 0; i < v->check_count; i++) {
        if (v->checks[i].verdict == VERDICT_FAILED)
            return VERDICT_FAILED;
        if (v->checks[i].verdict == VERDICT_UNCLEAR)
            result = VERDICT_UNCLEAR;
    }
    return v->stopped ? VERDICT_FAILED : result;
}

/* ---- JSON ---- */

static json_t *number_or_null(double number)
{
    return isnan(number) ? json_null() : json_real(number);
}

static json_t *report_json(const struct verification *v)
{
    json_t *checks = json_array(), *samples = json_array();
    char begun[TIMESTAMP_SIZE], ended[TIMESTAMP_SIZE];
    timestamp_format(v->begun_ms, begun);
    timestamp_format(v->ended_ms, ended);
    for (size_t i = 0; i < v->check_count; i++) {
        const struct check *c = &v->checks[i];
        json_t *check = json_pack("{s:s, s:s, s:s, s:s}", "check", c->name, "verdict",
                                  verdict_names[c->verdict], "wanted", c->wanted, "seen", c->seen);
        if (c->seconds >= 0)
            (void)json_set_optional(check, "seconds", json_real(c->seconds));
        (void)json_array_append_new(checks, check);
    }
    for (size_t i = 0; i < v->sample_count; i++)
        (void)json_array_append_new(samples,
                                    json_pack("{s:f, s:o, s:o, s:o}", "seconds", v->samples[i].seconds,
                                              "power_W", number_or_null(v->samples[i].power_W), "current_A",
                                              number_or_null(v->samples[i].current_A), "limit_A",
                                              number_or_null(v->samples[i].limit_A)));
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:O, s:o, s:O, s:O, s:o}", "station",
                     v->station, "evse", v->evse, "profile", v->profile, "model", v->model, "begun", begun,
                     "ended", ended, "result", verdict_names[verify_result(v)], "broken_off", v->stopped,
                     "gateway", GATEWAY_VERSION, "offers", v->offers, "checks", checks, "points", v->points,
                     "writes", v->writes, "samples", samples);
}

/* ---- HTML ---- */

static void print_escaped(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '<')
            (void)fputs("&lt;", out);
        else if (*c == '>')
            (void)fputs("&gt;", out);
        else if (*c == '&')
            (void)fputs("&amp;", out);
        else if (*c == '"')
            (void)fputs("&quot;", out);
        else
            (void)fputc(*c, out);
    }
}

static void print_cell(FILE *out, const char *text)
{
    (void)fputs("<td>", out);
    print_escaped(out, text);
    (void)fputs("</td>", out);
}

static void print_pair(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "<dt>%s</dt><dd>", name);
    print_escaped(out, value);
    (void)fputs("</dd>\n", out);
}

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 "
    "1rem;color:#1a1a1a;background:#fff}"
    "h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:"
    "collapse;width:100%}"
    "td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid "
    "#ddd;vertical-align:top}th{background:#f4f4f4}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0}"
    ".passed{color:#116329;font-weight:600}.FAILED{color:#a40e26;font-weight:700}.unclear{color:#7a5a00;font-"
    "weight:600}"
    "svg{width:100%;height:auto}code{font-size:.9em}.sign{margin-top:3rem;display:flex;gap:3rem}.sign "
    "div{flex:1;border-top:1px solid #333}"
    "@media print{body{margin:0}}";

static double highest(const struct verification *v, bool power)
{
    double max = power ? 1000 : 10;
    for (size_t i = 0; i < v->sample_count; i++)
        max = fmax(max, power ? v->samples[i].power_W : fmax(v->samples[i].current_A, v->samples[i].limit_A));
    return max * 1.1;
}

static void print_line(FILE *out, const struct verification *v, int which, double max, const char *colour,
                       const char *dash)
{
    double last = v->samples[v->sample_count - 1].seconds + 0.001;
    bool drawing = false;
    (void)fprintf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" d=\"",
                  colour, dash);
    for (size_t i = 0; i < v->sample_count; i++) {
        const struct sample *s = &v->samples[i];
        double y = which == 0 ? s->power_W : which == 1 ? s->current_A : s->limit_A;
        if (!isnan(y))
            (void)fprintf(out, "%c%.1f %.1f", drawing ? 'L' : 'M',
                          50 + s->seconds / last * (PLOT_WIDTH - 100),
                          PLOT_HEIGHT - 25 - y / max * (PLOT_HEIGHT - 45));
        drawing = !isnan(y);
    }
    (void)fputs("\"/>\n", out);
}

static void print_plot(FILE *out, const struct verification *v)
{
    if (v->sample_count < 2)
        return;
    double watt = highest(v, true), ampere = highest(v, false),
           last = v->samples[v->sample_count - 1].seconds;
    (void)fprintf(out,
                  "<h2>Power, current, limit</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-label=\"power, current and limit over "
                  "time\" font-size=\"12\">\n<path stroke=\"#999\" fill=\"none\" d=\"M50 20V%dH%d\"/>\n",
                  PLOT_WIDTH, PLOT_HEIGHT, PLOT_HEIGHT - 25, PLOT_WIDTH - 50);
    print_line(out, v, 0, watt, "#0b62a4", "none");
    print_line(out, v, 1, ampere, "#b4530a", "none");
    print_line(out, v, 2, ampere, "#b4530a", "5 4");
    (void)fprintf(out,
                  "<text x=\"4\" y=\"14\" fill=\"#0b62a4\">%.1f kW</text><text x=\"%d\" y=\"14\" "
                  "fill=\"#b4530a\">%.0f A (limit: "
                  "dashed)</text><text x=\"50\" y=\"%d\">0 s</text><text x=\"%d\" y=\"%d\" "
                  "text-anchor=\"end\">%.0f s</text>\n</svg>\n",
                  watt / 1000, PLOT_WIDTH - 150, ampere, PLOT_HEIGHT - 8, PLOT_WIDTH - 50, PLOT_HEIGHT - 8,
                  last);
}

static void print_checks(FILE *out, const struct verification *v)
{
    (void)fputs("<h2>Checks</h2>\n<table><thead><tr><th>check</th><th>wanted</th><th>seen</th><th>after</"
                "th><th>verdict</th></tr></thead>"
                "<tbody>\n",
                out);
    for (size_t i = 0; i < v->check_count; i++) {
        const struct check *c = &v->checks[i];
        char seconds[24] = "";
        if (c->seconds >= 0)
            (void)snprintf(seconds, sizeof(seconds), "%.1f s", c->seconds);
        (void)fputs("<tr>", out);
        print_cell(out, c->name);
        print_cell(out, c->wanted);
        print_cell(out, c->seen);
        print_cell(out, seconds);
        (void)fprintf(out, "<td class=\"%s\">%s</td></tr>\n", verdict_names[c->verdict],
                      verdict_names[c->verdict]);
    }
    (void)fputs("</tbody></table>\n", out);
}

static void print_value(FILE *out, const json_t *event)
{
    const json_t *value = json_object_get(event, "value");
    char text[80] = "";
    if (json_is_string(value))
        (void)snprintf(text, sizeof(text), "\"%.70s\"", json_string_value(value));
    else if (value)
        (void)snprintf(text, sizeof(text), "%.10g %s", json_number_value(value),
                       json_get_string(event, "unit", ""));
    str_make_harmless(text);
    print_cell(out, text);
}

static void print_writes(FILE *out, const struct verification *v)
{
    size_t i;
    json_t *event;
    (void)fputs(
        "<h2>What was written to the "
        "device</h2>\n<table><thead><tr><th>after</th><th>point</th><th>value</th><th>result</th></tr>"
        "</thead><tbody>\n",
        out);
    json_array_foreach(v->writes, i, event)
    {
        (void)fprintf(out, "<tr><td>%.1f s</td>", json_get_number(event, "seconds", 0));
        print_cell(out, json_get_string(event, "point", "?"));
        print_value(out, event);
        print_cell(out, json_get_string(event, "result", "?"));
        (void)fputs("</tr>\n", out);
    }
    (void)fputs("</tbody></table>\n<h2>Points at the "
                "end</h2>\n<table><thead><tr><th>point</th><th>address</th><th>value</th><th>quality"
                "</th><th>raw</th></tr></thead><tbody>\n",
                out);
    const char *name;
    json_object_foreach(v->points, name, event)
    {
        (void)fputs("<tr>", out);
        print_cell(out, name);
        print_cell(out, json_get_string(event, "at", ""));
        print_value(out, event);
        print_cell(out, json_get_string(event, "quality", ""));
        (void)fputs("<td><code>", out);
        print_escaped(out, json_get_string(event, "raw", ""));
        (void)fputs("</code></td></tr>\n", out);
    }
    (void)fputs("</tbody></table>\n", out);
}

static void print_html(FILE *out, const struct verification *v)
{
    char begun[TIMESTAMP_SIZE], ended[TIMESTAMP_SIZE], where[80];
    const char *result = verdict_names[verify_result(v)];
    timestamp_format(v->begun_ms, begun);
    timestamp_format(v->ended_ms, ended);
    (void)snprintf(where, sizeof(where), "%.60s, EVSE %d", v->station, v->evse);
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                "content=\"width=device-width\">"
                "<title>Acceptance test: ",
                out);
    print_escaped(out, where);
    (void)fprintf(out, "</title><style>%s</style></head><body>\n<h1>Acceptance test: ", style);
    print_escaped(out, where);
    (void)fprintf(out, "</h1>\n<p class=\"%s\">%s%s</p>\n<dl>\n", result, result,
                  v->stopped ? " (broken off)" : "");
    print_pair(out, "Charger", v->model);
    print_pair(out, "Profile", v->profile);
    print_pair(out, "Begun", begun);
    print_pair(out, "Ended", ended);
    print_pair(out, "Gateway", "ocpp-gateway " GATEWAY_VERSION);
    (void)fputs("</dl>\n", out);
    print_checks(out, v);
    print_plot(out, v);
    print_writes(out, v);
    (void)fputs("<div class=\"sign\"><div>Installer</div><div>Customer</div></div>\n</body></html>\n", out);
}

/* ---- files ---- */

static FILE *create(const char *name, const char *suffix, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s%s", name, suffix);
    int fd = open(ret_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out)
        (void)fprintf(stderr, "ocpp-cli: %s: %s\n", ret_path, strerror(errno));
    if (!out && fd >= 0)
        (void)close(fd);
    return out;
}

static int finish(FILE *out, const char *path)
{
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        (void)fprintf(stderr, "ocpp-cli: %s: %s\n", path, strerror(errno));
        return -EIO;
    }
    (void)printf("report: %s\n", path);
    return 0;
}

int verify_report(const struct verification *v, const char *name)
{
    char path[300];
    AUTO(json_t) *json = report_json(v);
    FILE *out = create(name, ".json", path, sizeof(path));
    if (!out || !json) {
        if (out)
            (void)fclose(out);
        return -EIO;
    }
    (void)json_dumpf(json, out, JSON_INDENT(2));
    if (finish(out, path) < 0)
        return -EIO;
    out = create(name, ".html", path, sizeof(path));
    if (!out)
        return -EIO;
    print_html(out, v);
    return finish(out, path);
}
