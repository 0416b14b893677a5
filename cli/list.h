/* Commands that show a list of the API: one row of a table each (list.c). */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "command.h"

/* As cli_command.run: which list it is says the command's name. */
int run_list(const struct cli *cli, int argc, char **argv);

extern const struct cli_option stations_options[], events_options[], audit_options[], transactions_options[],
    find_options[], profiles_list_options[];

/* All items of a list, page by page, at most `most` (0: LIST_MAX_ITEMS): the API's first answer, with the items of the others in it. `path` as api_ask().
 * New reference; NULL: said why. */
#define LIST_MAX_ITEMS 100000
json_t *api_list(const struct cli *cli, const char *path, size_t most);
/* The path with "&name=value" of each option that was given; the caller's, NULL without memory or said why. */
char *list_path(const struct cli *cli, const char *path);

#endif
