/* Words of the command line to a command and its options. Options may stand before, between and after arguments; a number with a sign is an
 * argument after "--". */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "base/err.h"
#include "gateway/file.h"

/* What getopt gives for the first of all commands' options, and of the command's own. */
#define FIRST_GLOBAL 500
#define FIRST_OPTION 1000

enum { SOCKET, SERVER, CA, TOKEN_FILE, JSON, HELP, VERSION, GLOBALS };

const struct cli_option cli_global_options[] = {
    [SOCKET] = { "socket", "PATH",
                 "the gateway's control socket (else $OCPP_GATEWAY_SOCKET, " DEFAULT_SOCKET ")", 's' },
    [SERVER] = { "server", "URL",
                 "its address in place of the socket, https://gateway:8443 (else $OCPP_GATEWAY_SERVER)", 0 },
    [CA] = { "ca", "FILE", "PEM file of roots that are trusted besides the system's", 0 },
    [TOKEN_FILE] = { "token-file", "FILE", "the token for --server (else $OCPP_GATEWAY_TOKEN)", 0 },
    [JSON] = { "json", NULL, "output for programs", 'j' },
    [HELP] = { "help", NULL, "all commands, or one: ocpp-cli COMMAND --help", 'h' },
    [VERSION] = { "version", NULL, "the version", 0 },
    { 0 },
};

void cli_print_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    (void)putchar('\n');
}

int cli_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "ocpp-cli: ");
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return EXIT_USAGE;
}

char *cli_read_file(const char *path, size_t max)
{
    char *text = NULL;
    size_t len = 0;
    int r = 0;
    if (!str_equal(path, "-")) {
        r = file_read(path, max, &text, &len);
    } else {
        struct buf in;
        char piece[4096];
        buf_init(&in, max);
        while ((len = fread(piece, 1, sizeof(piece), stdin)) > 0)
            (void)buf_append(&in, piece, len);
        r = in.err;
        len = in.len;
        text = buf_steal(&in);
        text = text || r < 0 ? text : strdup("");
        buf_done(&in);
    }
    if (r == 0 && text && strlen(text) != len) {
        free(STEAL(text));
        r = -EILSEQ;
    }
    if (!text)
        (void)cli_complain("%s: %s", path, err_text(r < 0 ? r : -ENOMEM));
    return text;
}

/* ---- usage ---- */

void cli_option_text(const struct cli_option *option, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
                   option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
                   option->argument ? " " : "", option->argument ? option->argument : "");
}

static void print_options(FILE *out, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o && o->name; o++) {
        char left[64];
        cli_option_text(o, left, sizeof(left));
        (void)fprintf(out, "  %-28s %s\n", left, o->help);
    }
}

static void print_command(FILE *out, const struct cli_command *c)
{
    (void)fprintf(out, "usage: ocpp-cli %s %s\n", c->name, c->arguments);
    print_options(out, c->options);
}

int cli_usage(const struct cli *cli)
{
    print_command(stderr, cli->command);
    return EXIT_USAGE;
}

static void print_all(FILE *out)
{
    (void)fprintf(out, "usage: ocpp-cli [OPTION ...] COMMAND [ARGUMENT ...]\n");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        char left[120];
        if (c->group)
            (void)fprintf(out, "\n%s\n", c->group);
        (void)snprintf(left, sizeof(left), "%s %s", c->name, c->arguments);
        if (strlen(left) > 38)
            (void)fprintf(out, "  %s\n  %-38s %s\n", left, "", c->help);
        else
            (void)fprintf(out, "  %-38s %s\n", left, c->help);
    }
    (void)fprintf(out, "\nOptions of all commands\n");
    print_options(out, cli_global_options);
}

/* ---- finding the command ---- */

/* How many of the words are the command's name; 0: they are not. */
static int name_words(const struct cli_command *c, int argc, char **argv)
{
    const char *blank = strchr(c->name, ' ');
    if (!blank)
        return str_equal(argv[0], c->name);
    size_t first = (size_t)(blank - c->name);
    if (strlen(argv[0]) != first || strncmp(argv[0], c->name, first) != 0)
        return 0;
    if (argc > 1 && str_equal(argv[1], blank + 1))
        return 2;
    bool is_alone = argc == 1 || argv[1][0] == '-';
    return is_alone && str_equal(blank + 1, "list");
}

const struct cli_command *cli_find(int argc, char **argv, int *ret_words)
{
    for (const struct cli_command *c = cli_commands; argc > 0 && c->name; c++)
        if ((*ret_words = name_words(c, argc, argv)) > 0)
            return c;
    return NULL;
}

static int say_unknown(int argc, char **argv)
{
    const char *names[128] = { NULL };
    char given[64], family[32];
    bool is_family = false;
    (void)snprintf(family, sizeof(family), "%s ", argv[0]);
    for (size_t i = 0; cli_commands[i].name && i < ARRAY_SIZE(names) - 1; i++) {
        names[i] = cli_commands[i].name;
        if (strncmp(names[i], family, strlen(family)) == 0) {
            (void)fprintf(stderr, "%s ocpp-cli %s %s\n", is_family ? "      " : "usage:", names[i],
                          cli_commands[i].arguments);
            is_family = true;
        }
    }
    if (is_family)
        return EXIT_USAGE;
    (void)snprintf(given, sizeof(given), "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    const char *near = nearest_name(argv[0], names);
    near = near ? near : nearest_name(given, names);
    return cli_complain("unknown command \"%s\"%s%s%s", argv[0], near ? "; did you mean \"" : "",
                        near ? near : "", near ? "\"?" : "");
}

/* ---- options ---- */

enum outcome { GO_ON, DONE, WRONG };

/* A token is no argument: all users of the machine see those. */
static int read_token(struct cli *cli, const char *path)
{
    size_t len;
    free(STEAL(cli->token));
    int r = file_read(path, 4096, &cli->token, &len);
    if (r < 0)
        (void)fprintf(stderr, "ocpp-cli: %s: %s\n", path, err_text(r));
    else
        cli->token[strcspn(cli->token, "\r\n")] = '\0';
    return r;
}

int cli_set_global(struct cli *cli, int index, const char *value)
{
    if (index == SOCKET) {
        cli->socket = value;
        cli->server = NULL;
    } else if (index == SERVER) {
        cli->server = value;
    } else if (index == CA) {
        cli->ca_file = value;
    } else if (index == JSON) {
        cli->json = true;
    }
    return index == TOKEN_FILE ? read_token(cli, value) : 0;
}

static enum outcome on_option(struct cli *cli, int option)
{
    const struct cli_option *own = cli->command ? cli->command->options : NULL;
    bool is_wrong = option == '?';
    FILE *out = is_wrong ? stderr : stdout;
    for (int i = 0; i < GLOBALS; i++)
        if (option == cli_global_options[i].letter)
            option = FIRST_GLOBAL + i;
    if (option == FIRST_GLOBAL + VERSION) {
        (void)puts("ocpp-cli " GATEWAY_VERSION);
        return DONE;
    }
    if (is_wrong || option == FIRST_GLOBAL + HELP) {
        if (cli->command)
            print_command(out, cli->command);
        else
            print_all(out);
        return is_wrong ? WRONG : DONE;
    }
    if (option >= FIRST_GLOBAL && option < FIRST_GLOBAL + GLOBALS)
        return cli_set_global(cli, option - FIRST_GLOBAL, optarg) < 0 ? WRONG : GO_ON;
    for (int i = 0; own && own[i].name; i++)
        if (option == FIRST_OPTION + i || option == own[i].letter)
            cli->values[i] = own[i].argument ? optarg : "";
    return GO_ON;
}

/* What getopt wants to know of `from`; letters are added. */
static size_t add_options(const struct cli_option *from, int first, struct option *ret, char *letters,
                          size_t size)
{
    size_t count = 0;
    for (; from && from[count].name; count++) {
        const struct cli_option *o = &from[count];
        ret[count] = (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
                                      first + (int)count };
        if (o->letter)
            (void)snprintf(letters + strlen(letters), size - strlen(letters), "%c%s", o->letter,
                           o->argument ? ":" : "");
    }
    return count;
}

/* Reads the options of the words from `optind` on; up to the first argument if no command is known yet. */
static enum outcome read_options(struct cli *cli, int argc, char **argv)
{
    struct option options[GLOBALS + CLI_MAX_OPTIONS + 1] = { { 0 } };
    char letters[2 * (GLOBALS + CLI_MAX_OPTIONS) + 2] = "";
    const struct cli_option *own = cli->command ? cli->command->options : NULL;
    if (!cli->command)
        (void)str_copy(letters, sizeof(letters), "+");
    size_t count = add_options(cli_global_options, FIRST_GLOBAL, options, letters, sizeof(letters));
    (void)add_options(own, FIRST_OPTION, options + count, letters, sizeof(letters));
    for (int option; (option = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
        enum outcome outcome = on_option(cli, option);
        if (outcome != GO_ON)
            return outcome;
    }
    return GO_ON;
}

struct cli cli_default(void)
{
    const char *socket = getenv("OCPP_GATEWAY_SOCKET"), *token = getenv("OCPP_GATEWAY_TOKEN");
    return (struct cli){ .socket = socket ? socket : DEFAULT_SOCKET,
                         .server = getenv("OCPP_GATEWAY_SERVER"),
                         .token = token ? strdup(token) : NULL };
}

static int run(struct cli *cli, int argc, char **argv)
{
    int words = 0;
    enum outcome outcome = read_options(cli, argc, argv);
    if (outcome != GO_ON)
        return outcome == DONE ? EXIT_SUCCESS : EXIT_USAGE;
    if (optind == argc) {
        print_all(stderr);
        return EXIT_USAGE;
    }
    argc -= optind;
    argv += optind;
    cli->command = cli_find(argc, argv, &words);
    if (!cli->command)
        return say_unknown(argc, argv);

    /* getopt takes the first word for the program's name. */
    argc -= words - 1;
    argv += words - 1;
    optind = 0;
    outcome = read_options(cli, argc, argv);
    if (outcome != GO_ON)
        return outcome == DONE ? EXIT_SUCCESS : EXIT_USAGE;
    int count = argc - optind;
    if (count < cli->command->min || count > cli->command->max)
        return cli_usage(cli);
    return cli->command->run(cli, count, argv + optind);
}

int cli_run(int argc, char **argv)
{
    struct cli cli = cli_default();
    int result = run(&cli, argc, argv);
    if (cli.token)
        explicit_bzero(cli.token, strlen(cli.token));
    free(cli.token);
    return result;
}
