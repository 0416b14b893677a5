/* What scans tell, in one of three ways (scan.h). */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "scan.h"

#define MAX_TEXT 400

void scan_output_init(struct scan_output *output, const struct cli *cli, bool is_lines)
{
    *output = (struct scan_output){ .is_text = !cli->json && !is_lines, .is_lines = is_lines };
    if (cli->json && !is_lines)
        output->list = json_array();
}

static void print_line(json_t *json)
{
    AUTO(json_t) *owned = json;
    (void)json_dumpf(owned, stdout, JSON_COMPACT);
    (void)putchar('\n');
    (void)fflush(stdout);
}

void scan_tell_found(struct scan_output *output, json_t *found)
{
    output->found++;
    if (output->is_lines)
        print_line(found);
    else if (output->list)
        (void)json_array_append_new(output->list, found);
    else
        json_decref(found);
    (void)fflush(stdout);
}

static void tell(const struct scan_output *output, const char *member, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void tell(const struct scan_output *output, const char *member, const char *format, va_list arguments)
{
    char text[MAX_TEXT];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    if (output->is_lines)
        print_line(json_pack("{s:s}", member, text));
    else
        (void)fprintf(stderr, "ocpp-cli: %s\n", text);
}

void scan_tell_step(struct scan_output *output, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (output->is_lines) {
        tell(output, "message", format, arguments);
    } else if (output->is_text) {
        (void)vprintf(format, arguments);
        (void)putchar('\n');
        (void)fflush(stdout);
    }
    va_end(arguments);
}

void scan_tell(struct scan_output *output, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(output, "message", format, arguments);
    va_end(arguments);
}

void scan_tell_error(struct scan_output *output, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(output, "error", format, arguments);
    va_end(arguments);
}

void scan_output_done(struct scan_output *output, bool is_complete)
{
    if (output->list && is_complete)
        cli_print_json(output->list);
    json_decref(output->list);
}
