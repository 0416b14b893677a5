/* Stations, connections to CSMSs and the web server's certificate (change.h). Entries are written as in gateway.yaml. */
#include "change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "connection.h"
#include "gateway/yaml_text.h"

#define MAX_ENTRY (256u << 10)
#define MAX_PEM   (64u << 10)

/* ---- stations ---- */

/* An entry as YAML or JSON, alone or as the one item of a list. NULL: said why. */
static json_t *read_entry(const char *path)
{
    AUTO_FREE char *text = cli_read_file(path, MAX_ENTRY);
    struct problems problems;
    AUTO(yaml) *y = NULL;
    json_t *entry = NULL;
    if (!text)
        return NULL;
    problems_init(&problems);
    if (yaml_parse(path, text, strlen(text), &problems, &y) == 0) {
        const struct yaml_node *node = y->root;
        if (node->kind == YAML_LIST && node->count == 1)
            node = node->children;
        if (node->kind == YAML_MAP && node->count > 0)
            entry = yaml_text_to_json(node, false);
        else
            (void)cli_complain("%s: expected the entry of one station, as under `stations` in gateway.yaml",
                               path);
    }
    for (size_t i = 0; i < problems.count; i++)
        (void)fprintf(stderr, "%s\n", problems.list[i].text);
    problems_done(&problems);
    return entry;
}

int run_station_entry(const struct cli *cli, int argc, char **argv)
{
    static const struct yaml_style style = { "\n", 2, 2 };
    struct buf out;
    (void)argc;
    AUTO_FREE char *path = api_path("/stations/%s", argv[0]);
    AUTO(json_t) *station = api_ask(cli, "GET", path, NULL);
    const json_t *entry = json_object_get(station, "config");
    if (!entry) {
        if (station)
            (void)cli_complain("the entry is shown to admins only");
        return EXIT_FAILURE;
    }
    if (cli->json) {
        cli_print_json(entry);
        return EXIT_SUCCESS;
    }
    buf_init(&out, MAX_ENTRY);
    yaml_text_block(&out, entry, 0, &style);
    (void)puts(buf_string(&out));
    buf_done(&out);
    return EXIT_SUCCESS;
}

/* What a change says: nothing for people where it went well, {} for programs. */
static int ask_change(const struct cli *cli, const char *method, const char *path, json_t *body)
{
    if (!path)
        return EXIT_FAILURE;
    AUTO(json_t) *answer = api_ask(cli, method, path, body);
    if (answer && cli->json && !json_is_null(answer))
        cli_print_json(answer);
    return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_station_add(const struct cli *cli, int argc, char **argv)
{
    json_t *entry = read_entry(argc ? argv[0] : "-");
    return entry ? ask_change(cli, "POST", "/stations", entry) : EXIT_FAILURE;
}

int run_station_replace(const struct cli *cli, int argc, char **argv)
{
    json_t *entry = read_entry(argc > 1 ? argv[1] : "-");
    AUTO_FREE char *path = api_path("/stations/%s", argv[0]);
    return entry ? ask_change(cli, "PUT", path, entry) : EXIT_FAILURE;
}

const struct cli_option station_remove_options[] = {
    { "force", NULL, "also while a transaction runs, or while its CSMS has not had all events", 0 },
    { 0 },
};

int run_station_remove(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path(cli->values[0] ? "/stations/%s?force=true" : "/stations/%s", argv[0]);
    return ask_change(cli, "DELETE", path, NULL);
}

/* ---- connections to CSMSs ---- */

enum { SECURITY_PROFILE, CA_FILE, COMPRESSION };

const struct cli_option csms_add_options[] = {
    [SECURITY_PROFILE] = { "security-profile", "0|1|2|3", "as of OCPP; else 2 with wss://, 1 with ws://", 0 },
    [CA_FILE] = { "ca-file", "FILE",
                  "PEM file, on the gateway's host, of roots that sign the CSMS's certificate", 0 },
    [COMPRESSION] = { "compression", NULL, "offers permessage-deflate", 0 },
    { 0 },
};

int run_csms_add(const struct cli *cli, int argc, char **argv)
{
    int64_t profile = 0;
    const char *const *given = cli->values;
    (void)argc;
    if (given[SECURITY_PROFILE] && str_to_int(given[SECURITY_PROFILE], 0, 3, &profile) < 0)
        return cli_complain("%s: expected --security-profile 0, 1, 2 or 3", given[SECURITY_PROFILE]);
    json_t *entry = json_pack("{s:s, s:s}", "name", argv[0], "url", argv[1]);
    if (!given[SECURITY_PROFILE])
        profile = str_starts(argv[1], "wss://") ? 2 : 1;
    (void)json_set_optional(entry, "security_profile", json_integer(profile));
    (void)json_set_text(entry, "ca_file", given[CA_FILE]);
    if (given[COMPRESSION])
        (void)json_set_optional(entry, "compression", json_true());
    return ask_change(cli, "POST", "/csms", entry);
}

int run_csms_remove(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/csms/%s", argv[0]);
    return ask_change(cli, "DELETE", path, NULL);
}

/* ---- certificate ---- */

int run_certificates_set(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *cert = cli_read_file(argv[0], MAX_PEM),
                   *key = cert ? cli_read_file(argv[1], MAX_PEM) : NULL;
    if (!key)
        return EXIT_FAILURE;
    json_t *body = json_pack("{s:s, s:s}", "cert", cert, "key", key);
    explicit_bzero(key, strlen(key));
    return ask_change(cli, "PUT", "/certificates/management", body);
}
