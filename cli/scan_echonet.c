/* `ocpp-cli scan echonet`: the nodes that answer, their objects, and for chargers what they can be asked for, set to, and tell. Without a daemon,
 * whose port it needs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/echonet_survey.h"
#include "scan.h"

enum { INTERFACE, WAIT, IPV6, LINES, GATEWAY };

const struct cli_option scan_echonet_options[] = {
    [INTERFACE] = { "interface", "ADDRESS|NAME", "network interface to look at (default: all)", 0 },
    [WAIT] = { "wait", "TIME", "for nodes to answer (default 5s)", 0 },
    [IPV6] = { "ipv6", NULL, "IPv6, too", 0 },
    [LINES] = { "lines", NULL, SCAN_LINES_HELP, 0 },
    [GATEWAY] = { "gateway", NULL, SCAN_GATEWAY_HELP, 'g' },
    { 0 },
};

struct scan {
    const struct cli *cli;
    struct loop loop;
    struct scan_output output;
};

static void print_properties(const json_t *object)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(object, "properties"), i, p)
    {
        (void)printf("      0x%02X  %s %s %s  %s\n", (unsigned)json_get_int(p, "epc", 0),
                     json_get_bool(p, "get", false) ? "get" : "   ",
                     json_get_bool(p, "set", false) ? "set" : "   ",
                     json_get_bool(p, "inf", false) ? "inf" : "   ", json_get_string(p, "name", ""));
    }
}

static void print_object(const json_t *object, const char *host)
{
    const char *profile = json_get_string(object, "profile", NULL);
    const char *class = json_get_string(object, "class", "");
    int instance = (int)json_get_int(object, "instance", 0);
    (void)printf("  0x%04X, instance %d  %s\n", (unsigned)json_get_int(object, "code", 0), instance,
                 *class ? class : "(a class not known here)");
    if (!profile)
        return;
    (void)printf("    manufacturer %s%s\n", json_get_string(object, "manufacturer", "not told"),
                 json_get_bool(object, "complete", false) ? "" : "; not all was asked: no time was left");
    print_properties(object);
    (void)printf(
        "\n    in gateway.yaml:\n      chargers: [ { profile: %s, echonet: \"%s\", instance: %d } ]\n\n",
        profile, host, instance);
}

static void print_node(const json_t *node)
{
    size_t i;
    json_t *object;
    const char *host = json_get_string(node, "host", ""), *id = json_get_string(node, "node_id", "");
    (void)printf("%s  identification number %s\n", host, *id ? id : "not told");
    json_array_foreach(json_object_get(node, "objects"), i, object)
    {
        print_object(object, host);
    }
}

static void on_node(void *ctx, json_t *node)
{
    struct scan *s = ctx;
    if (!s->cli->json)
        print_node(node);
    scan_tell_found(&s->output, node);
}

static void on_message(void *ctx, const char *text)
{
    scan_tell(&((struct scan *)ctx)->output, "%s", text);
}

static void on_done(void *ctx)
{
    loop_stop(&((struct scan *)ctx)->loop);
}

static int look(struct scan *s, int64_t wait_ms)
{
    static const struct echonet_survey_events events = { on_node, on_message, on_done };
    struct echonet_node *node = NULL;
    const char *interface = s->cli->values[INTERFACE] ? s->cli->values[INTERFACE] : "";
    int r = echonet_survey_node(&s->loop, interface, s->cli->values[IPV6] != NULL, &node);
    if (r < 0) {
        scan_tell_error(
            &s->output, "UDP port 3610 cannot be opened: %s%s", err_text(r),
            r == -EADDRINUSE
                ? " (a node has one; is it the gateway's? stop it for the time, or scan from another machine)"
                : "");
        return r;
    }
    struct echonet_survey *survey = echonet_survey_new(&s->loop.env, node, wait_ms, &events, s);
    if (survey)
        loop_run(&s->loop);
    echonet_survey_free(survey);
    echonet_free(node);
    if (survey && s->output.found == 0)
        scan_tell(&s->output, "no node answers; is --interface the right one?");
    return survey ? 0 : -ENOMEM;
}

static int ask_gateway(const struct cli *cli)
{
    if (cli->values[LINES])
        return cli_complain("--lines does not go with --gateway");
    json_t *request = json_pack("{s:s}", "protocol", "echonet");
    (void)json_set_text(request, "interface", cli->values[INTERFACE]);
    (void)json_set_text(request, "wait", cli->values[WAIT]);
    if (cli->values[IPV6])
        (void)json_set_optional(request, "ipv6", json_true());
    return scan_by_gateway(cli, request, print_node);
}

int run_scan_echonet(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (cli->values[GATEWAY])
        return ask_gateway(cli);
    int64_t wait_ms = ECHONET_SURVEY_WAIT_MS;
    if (cli->values[WAIT] &&
        (str_to_duration_ms(cli->values[WAIT], &wait_ms) < 0 || wait_ms > ECHONET_SURVEY_MAX_WAIT_MS)) {
        (void)fprintf(stderr, "ocpp-cli: %s: expected --wait such as 5s, at most 2min\n", cli->values[WAIT]);
        return EXIT_USAGE;
    }
    struct scan s = { .cli = cli };
    if (loop_init(&s.loop) < 0)
        return EXIT_FAILURE;
    scan_output_init(&s.output, cli, cli->values[LINES] != NULL);
    int r = look(&s, wait_ms);
    loop_done(&s.loop);
    scan_output_done(&s.output, r == 0);
    return r == 0 && s.output.found ? EXIT_SUCCESS : EXIT_FAILURE;
}
