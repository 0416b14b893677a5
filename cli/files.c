/* Texts that the gateway keeps: gateway.yaml and device profiles (change.h). Before a text is applied it is checked, and what it changes is shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "change.h"
#include "connection.h"

#define MAX_TEXT (1u << 20)

static bool is_yes(void)
{
    char line[16] = "";
    (void)fprintf(stderr, "apply this? [y/N] ");
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* What is refused by status 422 names lines of this file. */
static int put_text(const struct cli *cli, const char *path, json_t *body, const char *file)
{
    int status = 0;
    AUTO(json_t) *answer = api_call(cli, "PUT", path, body, &status);
    if (answer && status == 422 && api_say_problems(answer, file) > 0)
        return EXIT_FAILURE;
    if (answer && status >= 400)
        api_say_problem(answer);
    return answer && status < 400 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- gateway.yaml ---- */

int run_config_show(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    AUTO(json_t) *config = api_ask(cli, "GET", "/config", NULL);
    if (config && cli->json)
        cli_print_json(config);
    else if (config)
        (void)fputs(json_get_string(config, "text", ""), stdout);
    return config ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the gateway says of the text; NULL: said why. */
static json_t *check_config(const struct cli *cli, const char *file, char **ret_text)
{
    *ret_text = cli_read_file(file, MAX_TEXT);
    json_t *body = *ret_text ? json_pack("{s:s}", "text", *ret_text) : NULL;
    if (*ret_text && !body)
        (void)cli_complain("%s is no UTF-8", file);
    return body ? api_ask(cli, "POST", "/config/check", body) : NULL;
}

static void print_names(const char *what, const json_t *names)
{
    const json_t *name;
    size_t index;
    json_array_foreach(names, index, name)
    {
        (void)printf("%s%s", index ? ", " : what, json_string_value(name));
    }
    if (json_array_size(names))
        (void)putchar('\n');
}

/* What becomes of the stations. */
static void print_effect(const json_t *answer)
{
    const char *restart = json_get_string(answer, "restart", NULL);
    print_names("begins anew: ", json_object_get(answer, "changed"));
    print_names("is new: ", json_object_get(answer, "added"));
    print_names("is removed: ", json_object_get(answer, "removed"));
    if (restart)
        (void)printf("counts only after a restart of the gateway: %s\n", restart);
}

int run_config_check(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *text = NULL;
    AUTO(json_t) *answer = check_config(cli, argv[0], &text);
    if (!answer)
        return EXIT_FAILURE;
    size_t problems = json_array_size(json_object_get(answer, "problems"));
    if (cli->json)
        cli_print_json(answer);
    else if (api_say_problems(answer, argv[0]) == 0)
        print_effect(answer);
    return problems ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_config_diff(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *text = NULL;
    AUTO(json_t) *answer = check_config(cli, argv[0], &text);
    if (answer && cli->json)
        cli_print_json(answer);
    else if (answer)
        (void)fputs(json_get_string(answer, "diff", ""), stdout);
    return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct cli_option config_put_options[] = {
    { "yes", NULL, "does not ask", 'y' },
    { 0 },
};

int run_config_put(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *text = NULL;
    AUTO(json_t) *before = api_ask(cli, "GET", "/config", NULL);
    AUTO(json_t) *answer = before ? check_config(cli, argv[0], &text) : NULL;
    if (!answer || api_say_problems(answer, argv[0]) > 0)
        return EXIT_FAILURE;
    if (cli->json)
        cli_print_json(answer);
    else
        (void)fputs(json_get_string(answer, "diff", ""), stdout), print_effect(answer);
    (void)fflush(stdout);
    if (!*json_get_string(answer, "diff", "")) {
        (void)fprintf(stderr, "ocpp-cli: nothing changes\n");
        return EXIT_SUCCESS;
    }
    bool can_ask = isatty(STDIN_FILENO) == 1 && !str_equal(argv[0], "-");
    if (!cli->values[0] && !can_ask)
        return cli_complain("to apply it without being asked, add --yes");
    if (!cli->values[0] && !is_yes())
        return EXIT_FAILURE;
    json_t *body = json_pack("{s:s, s:s}", "text", text, "etag", json_get_string(before, "etag", ""));
    return put_text(cli, "/config", body, argv[0]);
}

/* ---- device profiles ---- */

int run_profiles_show(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/profiles/%s", argv[0]);
    AUTO(json_t) *profile = api_ask(cli, "GET", path, NULL);
    if (profile && cli->json)
        cli_print_json(profile);
    else if (profile)
        (void)fputs(json_get_string(profile, "text", ""), stdout);
    return profile ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The file's name is the profile's: "x/keba-p30.yaml" is keba-p30. */
static void name_of(const char *file, char *ret, size_t size)
{
    const char *slash = strrchr(file, '/');
    (void)str_copy(ret, size, slash ? slash + 1 : file);
    size_t len = strlen(ret);
    if (len > 5 && str_equal(ret + len - 5, ".yaml"))
        ret[len - 5] = '\0';
}

/* {name?, text}; NULL: said why. */
static json_t *read_profile(const char *file, const char *name)
{
    AUTO_FREE char *text = cli_read_file(file, MAX_TEXT);
    json_t *body = text ? json_pack("{s:s}", "text", text) : NULL;
    if (text && !body)
        (void)cli_complain("%s is no UTF-8", file);
    (void)json_set_text(body, "name", name);
    return body;
}

int run_profiles_check(const struct cli *cli, int argc, char **argv)
{
    char name[100];
    int code = EXIT_SUCCESS;
    for (int i = 0; i < argc; i++) {
        name_of(argv[i], name, sizeof(name));
        json_t *body = read_profile(argv[i], name);
        AUTO(json_t) *answer = body ? api_ask(cli, "POST", "/profiles/check", body) : NULL;
        if (answer && cli->json)
            cli_print_json(answer);
        else if (answer && api_say_problems(answer, argv[i]) == 0)
            (void)printf("%s: good\n", argv[i]);
        if (!answer || json_array_size(json_object_get(answer, "problems")))
            code = EXIT_FAILURE;
    }
    return code;
}

const struct cli_option profiles_put_options[] = {
    { "name", "PROFILE", "its name, where the file is not named after it", 0 },
    { 0 },
};

int run_profiles_put(const struct cli *cli, int argc, char **argv)
{
    char name[100];
    (void)argc;
    if (!cli->values[0] && str_equal(argv[0], "-"))
        return cli_complain("a profile from standard input needs --name");
    name_of(cli->values[0] ? cli->values[0] : argv[0], name, sizeof(name));
    json_t *body = read_profile(argv[0], NULL);
    AUTO_FREE char *path = api_path("/profiles/%s", name);
    return body && path ? put_text(cli, path, body, argv[0]) : EXIT_FAILURE;
}

int run_profiles_remove(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/profiles/%s", argv[0]);
    AUTO(json_t) *answer = path ? api_ask(cli, "DELETE", path, NULL) : NULL;
    return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}
