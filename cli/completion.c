/* The scripts hold no commands: at each TAB they ask this program, so they can never be older than it. What may stand where is said by the table of commands
 * (completion.h). Names are asked of the gateway, briefly; where it does not answer there are none. */
#include "completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "list.h"
#include "ocpp/message.h"

#define NAMES_MS 1500 /* for the gateway to tell names */

/* Words are those between blanks: bash itself would cut them at each colon, of an address, say; so what is before the last one is left out of the answers. */
static const char bash_script[] =
    "# bash completion of ocpp-cli: made by `ocpp-cli completion bash`\n"
    "_ocpp_cli()\n"
    "{\n"
    "    local line=${COMP_LINE:0:COMP_POINT} word before\n"
    "    local -a words\n"
    "    IFS=$' \\t' read -ra words <<< \"$line\"\n"
    "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
    "    word=${words[-1]}\n"
    "    before=\n"
    "    [[ $word == *:* && $COMP_WORDBREAKS == *:* ]] && before=${word%\"${word##*:}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        line=${line%%$'\\t'*}\n"
    "        if [[ $line == :files ]]; then\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            while IFS= read -r line; do\n"
    "                COMPREPLY+=(\"${line#\"$before\"}\")\n"
    "            done < <(compgen -f -- \"$word\")\n"
    "        else\n"
    "            COMPREPLY+=(\"${line#\"$before\"}\")\n"
    "        fi\n"
    "    done < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _ocpp_cli ocpp-cli\n";

static const char zsh_script[] =
    "#compdef ocpp-cli\n"
    "# zsh completion of ocpp-cli: made by `ocpp-cli completion zsh`\n"
    "_ocpp_cli()\n"
    "{\n"
    "    local line\n"
    "    local -a found\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files* ]]; then\n"
    "            _files\n"
    "        else\n"
    "            found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "        fi\n"
    "    done < <(\"${words[1]}\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    if (( ${#found} )); then\n"
    "        _describe ocpp-cli found\n"
    "    fi\n"
    "}\n"
    "if [[ $funcstack[1] == _ocpp-cli ]]; then\n"
    "    _ocpp_cli \"$@\"\n"
    "else\n"
    "    compdef _ocpp_cli ocpp-cli\n"
    "fi\n";

static const char fish_script[] = "# fish completion of ocpp-cli: made by `ocpp-cli completion fish`\n"
                                  "function __ocpp_cli\n"
                                  "    set -l line (commandline -opc) (commandline -ct)\n"
                                  "    for found in ($line[1] completion words -- $line[2..-1] 2>/dev/null)\n"
                                  "        if string match -q ':files*' -- $found\n"
                                  "            __fish_complete_path (commandline -ct)\n"
                                  "        else\n"
                                  "            echo $found\n"
                                  "        end\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c ocpp-cli -f -a '(__ocpp_cli)'\n";

static const struct {
    const char *shell, *script;
} scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

/* ---- candidates ---- */

static void offer(const char *word, const char *meaning, const char *begun)
{
    if (str_starts(word, begun))
        (void)printf("%s\t%s\n", word, meaning ? meaning : "");
}

/* Where a kind of name is found. */
static const struct {
    const char *kind, *path, *member;
} kinds[] = {
    { "STATION", "/stations", "id" }, { "PROFILE", "/profiles", "name" }, { "CSMS", "/csms", "name" },
    { "USER", "/users", "name" },     { "TOKEN", "/tokens", "name" },
};

static void offer_names(const struct cli *cli, size_t kind, const char *begun)
{
    const json_t *item;
    size_t index;
    struct cli hasty = *cli;
    hasty.is_silent = true;
    hasty.timeout_ms = NAMES_MS;
    AUTO(json_t) *list = api_list(&hasty, kinds[kind].path, 0);
    json_array_foreach(json_object_get(list, "items"), index, item)
    {
        char name[200];
        (void)str_copy(name, sizeof(name), json_get_string(item, kinds[kind].member, ""));
        str_make_harmless(name);
        offer(name, json_get_string(item, "vendor", json_get_string(item, "role", "")), begun);
    }
}

static void offer_actions(const char *begun)
{
    const struct message *message;
    for (size_t i = 0; (message = message_at(&message_table_201, i)) != NULL; i++)
        offer(message_name(message), NULL, begun);
}

/* One of "STATION|HOST[:PORT]|/dev/LINE": a kind of name, files, or a word as it is. */
static void offer_choice(const struct cli *cli, const char *choice, const char *begun)
{
    if (str_equal(choice, "FILE") || str_equal(choice, "DIR") || str_equal(choice, "PATH") ||
        str_equal(choice, "DIRS") || str_equal(choice, "CERT") || str_equal(choice, "KEY") ||
        str_equal(choice, "CASES") || str_equal(choice, "/dev/LINE")) {
        (void)puts(":files\t");
        return;
    }
    if (str_equal(choice, "ACTION"))
        offer_actions(begun);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i].kind, choice)) {
            offer_names(cli, i, begun);
            return;
        }
    if (choice[strspn(choice, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0')
        offer(choice, NULL, begun);
}

static void offer_argument(const struct cli *cli, const char *argument, const char *begun)
{
    bool has_files = false;
    while (*argument) {
        char choice[80];
        size_t len = strcspn(argument, "|");
        (void)snprintf(choice, sizeof(choice), "%.*s", (int)len, argument);
        bool is_file = str_equal(choice, "FILE") || str_equal(choice, "DIR");
        if (!(is_file && has_files))
            offer_choice(cli, choice, begun);
        has_files = has_files || is_file;
        argument += len + (argument[len] == '|');
    }
}

/* The argument at this place of "STATION [EVSE] 16A|11kW|release"; one with "..." behind it may stand again. -1: there is none; 1: it may be left
 * out. */
static int argument_at(const char *arguments, int place, char *ret, size_t size)
{
    while (*arguments) {
        char word[120];
        bool is_optional = *arguments == '[', repeats = false;
        size_t len = is_optional ? strcspn(arguments, "]") + 1 : strcspn(arguments, " ");
        (void)snprintf(word, sizeof(word), "%.*s", (int)(is_optional ? len - 2 : len),
                       arguments + is_optional);
        arguments += len;
        arguments += strspn(arguments, " ");
        char *dots = strstr(word, " ...");
        repeats = dots || str_starts(arguments, "...");
        if (dots)
            *dots = '\0';
        (void)str_copy(ret, size, word);
        if (place-- == 0 || repeats)
            return is_optional && !repeats;
    }
    return -1;
}

/* ---- the words ---- */

/* What the words before the last one have said. */
struct said {
    const struct cli_command *command;
    const struct cli_option *waiting; /* an option whose argument is the last word */
    int count;                        /* of arguments */
    bool only_arguments;              /* after "--" */
};

/* The option, given as --name, --name=value or -x. */
static const struct cli_option *find_option(const struct cli_option *options, const char *word)
{
    size_t len = strcspn(word, "=");
    for (; options && options->name; options++) {
        bool is_long = str_starts(word, "--") && strlen(options->name) == len - 2 &&
                       strncmp(word + 2, options->name, len - 2) == 0;
        if (is_long || (word[0] == '-' && word[1] == options->letter && word[1] && !word[2]))
            return options;
    }
    return NULL;
}

/* One that is complete; its value, if it has one, is used where it says which gateway to ask. */
static void on_option(struct cli *cli, struct said *said, const char *word)
{
    const struct cli_option *option = find_option(cli_global_options, word);
    const char *value = strchr(word, '=');
    if (!option)
        option = find_option(said->command ? said->command->options : NULL, word);
    if (!option || !option->argument)
        return;
    if (!value)
        said->waiting = option;
    else if (option >= cli_global_options && find_option(cli_global_options, word))
        (void)cli_set_global(cli, (int)(option - cli_global_options), value + 1);
}

static void on_value(struct cli *cli, struct said *said, const char *value)
{
    for (int i = 0; cli_global_options[i].name; i++)
        if (said->waiting == &cli_global_options[i])
            (void)cli_set_global(cli, i, value);
    said->waiting = NULL;
}

/* Words of the command's name that are at words[0]; the family's first word alone is none yet. */
static int read_command(struct said *said, int count, char **words)
{
    int taken = 0;
    const struct cli_command *command = count > 0 ? cli_find(count, words, &taken) : NULL;
    bool is_family_alone = command && taken == 1 && strchr(command->name, ' ');
    if (!command || is_family_alone)
        return 0;
    said->command = command;
    return taken;
}

static size_t first_length(const struct cli_command *c)
{
    return strcspn(c->name, " ");
}

/* Whether an earlier one begins with the same word. */
static bool is_offered(const struct cli_command *c)
{
    for (const struct cli_command *other = cli_commands; other < c; other++)
        if (first_length(other) == first_length(c) && strncmp(other->name, c->name, first_length(c)) == 0)
            return true;
    return false;
}

/* Command names; behind a family's first word its second ones. */
static void offer_commands(const char *family, const char *begun)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        char first[40];
        const char *blank = strchr(c->name, ' ');
        (void)snprintf(first, sizeof(first), "%.*s", (int)first_length(c), c->name);
        if (family && blank && str_equal(first, family))
            offer(blank + 1, c->help, begun);
        else if (!family && !is_offered(c))
            offer(first, blank ? "" : c->help, begun);
    }
}

static void offer_options(const struct cli_option *options, const char *begun)
{
    for (; options && options->name; options++) {
        char word[60];
        (void)snprintf(word, sizeof(word), "--%s", options->name);
        offer(word, options->help, begun);
    }
}

static void offer_all(struct cli *cli, const struct said *said, const char *family, const char *begun)
{
    char argument[120];
    if (said->waiting) {
        offer_argument(cli, said->waiting->argument, begun);
    } else if (*begun == '-' && !said->only_arguments) {
        offer_options(said->command ? said->command->options : NULL, begun);
        offer_options(cli_global_options, begun);
    } else if (!said->command) {
        offer_commands(family, begun);
    } else {
        int place = said->count, is_optional = 1;
        for (; is_optional == 1; place++) {
            is_optional = argument_at(said->command->arguments, place, argument, sizeof(argument));
            if (is_optional >= 0)
                offer_argument(cli, argument, begun);
        }
    }
}

static void complete(struct cli *cli, int count, char **words)
{
    struct said said = { 0 };
    const char *family = NULL;
    int last = count - 1;
    for (int i = 0; i < last; i++) {
        if (said.waiting) {
            on_value(cli, &said, words[i]);
        } else if (str_equal(words[i], "--")) {
            said.only_arguments = true;
        } else if (words[i][0] == '-' && !said.only_arguments) {
            on_option(cli, &said, words[i]);
        } else if (said.command) {
            said.count++;
        } else {
            int taken = read_command(&said, last - i, words + i);
            family = words[i];
            if (taken == 0 && i + 1 < last && words[i + 1][0] != '-')
                return; /* no command of ours */
            i += taken > 1 ? taken - 1 : 0;
        }
    }
    offer_all(cli, &said, family, count > 0 ? words[last] : "");
}

/* ---- the command ---- */

int run_completion(const struct cli *cli, int argc, char **argv)
{
    if (str_equal(argv[0], "words")) {
        struct cli other = *cli; /* the words may name another gateway */
        other.token = cli->token ? strdup(cli->token) : NULL;
        complete(&other, argc - 1, argv + 1);
        free(other.token);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; argc == 1 && i < ARRAY_SIZE(scripts); i++)
        if (str_equal(argv[0], scripts[i].shell)) {
            (void)fputs(scripts[i].script, stdout);
            return EXIT_SUCCESS;
        }
    return cli_usage(cli);
}
