/* Users and tokens of machines (change.h). Passwords are no arguments: all users of the machine would see them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "change.h"
#include "connection.h"
#include "secret.h"

static int ask(const struct cli *cli, const char *method, const char *path, json_t *body)
{
    AUTO(json_t) *answer = path ? api_ask(cli, method, path, body) : NULL;
    if (answer && cli->json && !json_is_null(answer))
        cli_print_json(answer);
    return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* {password}; NULL: none was given, and that was said. */
static json_t *read_password(const char *user)
{
    char prompt[120];
    (void)snprintf(prompt, sizeof(prompt), "password of %.64s: ", user);
    char *password = secret_read(prompt);
    json_t *body = password ? json_pack("{s:s}", "password", password) : NULL;
    if (password && !body)
        (void)cli_complain("the password is no UTF-8");
    secret_free(password);
    return body;
}

int run_users_add(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    json_t *body = read_password(argv[0]);
    if (!body)
        return EXIT_FAILURE;
    (void)json_set_text(body, "name", argv[0]);
    (void)json_set_text(body, "role", argv[1]);
    return ask(cli, "POST", "/users", body);
}

int run_users_role(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/users/%s", argv[0]);
    return ask(cli, "PUT", path, json_pack("{s:s}", "role", argv[1]));
}

int run_users_password(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    json_t *body = read_password(argv[0]);
    AUTO_FREE char *path = api_path("/users/%s", argv[0]);
    return body ? ask(cli, "PUT", path, body) : EXIT_FAILURE;
}

int run_users_remove(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/users/%s", argv[0]);
    return ask(cli, "DELETE", path, NULL);
}

const struct cli_option tokens_add_options[] = {
    { "expires", "TIME", "counts until then, such as 2027-12-31T00:00:00Z; else until it is removed", 0 },
    { 0 },
};

/* The token is all that stands on standard output: it is shown this once. */
int run_tokens_add(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    json_t *body = json_pack("{s:s, s:s}", "name", argv[0], "role", argv[1]);
    (void)json_set_text(body, "expires", cli->values[0]);
    AUTO(json_t) *answer = api_ask(cli, "POST", "/tokens", body);
    if (!answer)
        return EXIT_FAILURE;
    if (cli->json)
        cli_print_json(answer);
    else
        (void)puts(json_get_string(answer, "token", ""));
    return EXIT_SUCCESS;
}

int run_tokens_remove(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    AUTO_FREE char *path = api_path("/tokens/%s", argv[0]);
    return ask(cli, "DELETE", path, NULL);
}
