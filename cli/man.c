/* The manual page ocpp-cli(1) in the man macros, from the table of commands: it says what the program can do, no more and no less (completion.h). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "completion.h"

/* A hyphen of a command is one that can be copied; what roff would take for its own is escaped. */
static void print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)putchar(*text);
    }
}

static void print_bold(const char *text)
{
    (void)fputs("\\fB", stdout);
    print_text(text);
    (void)fputs("\\fR", stdout);
}

/* What is in capitals is to be replaced: in italics; the rest is typed as it is. */
static void print_arguments(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " |[]:=,.");
        char word[60];
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, text);
        bool is_name = len > 1 || isupper((unsigned char)*word);
        for (const char *at = word; *at; at++)
            is_name = is_name && (isupper((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '-');
        is_name = is_name && isupper((unsigned char)*word);
        (void)fputs(len == 0 ? "" : is_name ? "\\fI" : "\\fB", stdout);
        print_text(word);
        (void)fputs(len == 0 ? "" : "\\fR", stdout);
        text += len;
        if (*text)
            (void)putchar(*text++);
    }
}

static void print_options(const struct cli_option *options, bool is_inner)
{
    if (is_inner)
        (void)puts(".RS");
    for (const struct cli_option *o = options; o && o->name; o++) {
        char name[60];
        (void)puts(".TP");
        if (o->letter) {
            print_bold((const char[]){ '-', o->letter, '\0' });
            (void)fputs(", ", stdout);
        }
        (void)snprintf(name, sizeof(name), "--%s", o->name);
        print_bold(name);
        if (o->argument) {
            (void)putchar(' ');
            print_arguments(o->argument);
        }
        (void)putchar('\n');
        print_text(o->help);
        (void)putchar('\n');
    }
    if (is_inner)
        (void)puts(".RE");
}

static void print_commands(void)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (c->group) {
            (void)fputs(".SS ", stdout);
            print_text(c->group);
            (void)putchar('\n');
        }
        (void)puts(".TP");
        print_bold(c->name);
        (void)putchar(' ');
        print_arguments(c->arguments);
        (void)putchar('\n');
        print_text(c->help);
        (void)putchar('\n');
        if (c->options)
            print_options(c->options, true);
    }
}

static const char head[] =
    ".TH OCPP\\-CLI 1 \"\" \"ocpp\\-gateway " GATEWAY_VERSION "\" \"ocpp\\-gateway\"\n"
    ".ad l\n.nh\n"
    ".SH NAME\n"
    "ocpp\\-cli \\- speaks to ocpp\\-gateway, and checks what is made for it\n"
    ".SH SYNOPSIS\n"
    ".B ocpp\\-cli\n"
    ".RI [ OPTION\\~ ...] \\ COMMAND \\ [ ARGUMENT\\~ ...]\n"
    ".SH DESCRIPTION\n"
    "Most commands ask the running gateway by its HTTP API: over its control socket, where who may open the "
    "socket may do everything, or with\n"
    ".B \\-\\-server\n"
    "from elsewhere, with the role of the token that is given. The others stand alone.\n"
    ".PP\n"
    "Tables are for people and are as wide as the terminal; with\n"
    ".B \\-\\-json\n"
    "the answer of the API is printed as it is. A family of commands alone, such as\n"
    ".BR \"ocpp\\-cli users\" ,\n"
    "is its\n"
    ".BR list .\n"
    "Where a file is expected,\n"
    ".B \\-\n"
    "is the standard input.\n"
    ".SH COMMANDS\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    "0: done. 1: failed, and standard error says why. 2: wrong use.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B OCPP_GATEWAY_SOCKET\nthe control socket, unless \\-\\-socket is given\n"
    ".TP\n.B OCPP_GATEWAY_SERVER\nthe gateway's address, unless \\-\\-server or \\-\\-socket is given\n"
    ".TP\n.B OCPP_GATEWAY_TOKEN\nthe token for it, unless \\-\\-token\\-file is given. A token is never an "
    "argument: all users of a machine see those\n"
    ".TP\n.B NO_COLOR\n.B top\nuses no colours\n"
    ".SH EXAMPLES\n"
    ".EX\n"
    "ocpp\\-cli stations \\-\\-state faulted\n"
    "ocpp\\-cli limit CS\\-0001 11kW \\-\\-for 2h\n"
    "ocpp\\-cli transactions \\-\\-since 30d \\-\\-csv > last_month.csv\n"
    "ocpp\\-cli \\-\\-server https://gateway:8443 \\-\\-token\\-file token top\n"
    ".EE\n"
    ".SH SEE ALSO\n"
    ".BR ocpp\\-gateway (8),\n"
    ".BR gateway.yaml (5),\n"
    ".BR ocpp\\-csms (1),\n"
    ".BR ocpp\\-sim (1)\n";

int run_man(const struct cli *cli, int argc, char **argv)
{
    (void)cli;
    (void)argc;
    (void)argv;
    (void)fputs(head, stdout);
    print_commands();
    (void)puts(".SH OPTIONS OF ALL COMMANDS");
    print_options(cli_global_options, false);
    (void)fputs(tail, stdout);
    return EXIT_SUCCESS;
}
