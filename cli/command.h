/* A command of ocpp-cli: one row of the table in main.c holds its name, arguments, options, help and function; parsing and usage are made
 * from it. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#define CLI_MAX_OPTIONS 12
#define DEFAULT_SOCKET  "/run/ocpp-gateway/control.sock"
#define DEFAULT_CONFIG  "/etc/ocpp-gateway/gateway.yaml"
/* Where device profiles are looked for when no configuration says where: beside, and in the usual places. */
#define DEFAULT_PROFILES                                                                                     \
    ".:/etc/ocpp-gateway/profiles:/usr/local/share/ocpp-gateway/profiles:/usr/share/ocpp-gateway/profiles"

enum { EXIT_USAGE = 2 };

/* An option of one command; its place in the list is its place in cli.values. */
struct cli_option {
    const char *name;     /* --name */
    const char *argument; /* what stands after it; NULL: a flag */
    const char *help;
    char letter; /* -x, 0: none */
};

/* Of all commands; ends with a name of NULL. */
extern const struct cli_option cli_global_options[];

/* What a command gets, besides its arguments. */
struct cli {
    const char *socket;           /* of the daemon */
    const char *server, *ca_file; /* https://...: in place of the socket; or NULL */
    char *token;                  /* for it, or NULL */
    bool json;                    /* output for programs */
    bool is_silent;  /* nothing is said on stderr of what the gateway refuses or of who does not answer */
    long timeout_ms; /* of one request; 0: the usual */
    const struct cli_command *command;
    const char
        *values[CLI_MAX_OPTIONS]; /* of the command's options; NULL: not given; a flag that was given: "" */
};

struct cli_command {
    const char *name; /* one word, or two: "scan modbus" */
    const char *
        arguments; /* as usage shows them; words in capitals are kinds of completion.c, others literally so */
    const char *help;
    int min, max;                                             /* number of arguments */
    int (*run)(const struct cli *cli, int argc, char **argv); /* argv ends with NULL; the exit code */
    const struct cli_option *options;                         /* ends with a name of NULL; NULL: none */
    const char *group; /* heading of this one and those that follow; NULL: as the one before */
};
/* All, in main.c; ends with a name of NULL. */
extern const struct cli_command cli_commands[];

/* Finds the command, reads its options, runs it. The exit code. */
int cli_run(int argc, char **argv);
/* The command whose name these words begin with, and how many of them it takes; a family's first word alone is its `list`. NULL: none. */
const struct cli_command *cli_find(int argc, char **argv, int *ret_words);
/* "-f, --for TIME" */
void cli_option_text(const struct cli_option *option, char *ret, size_t size);
/* A global option, by its place in cli_global_options. 0 or -EINVAL (said why). */
int cli_set_global(struct cli *cli, int index, const char *value);
/* What the environment says. */
struct cli cli_default(void);
/* "usage: ..." of one command on stderr, and EXIT_USAGE. */
int cli_usage(const struct cli *cli);

void cli_print_json(const json_t *json);
/* A file as text, "-": the standard input; at most `max` bytes. The caller's; NULL: said why. */
char *cli_read_file(const char *path, size_t max);
/* "ocpp-cli: ..." on stderr; EXIT_USAGE. */
int cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
