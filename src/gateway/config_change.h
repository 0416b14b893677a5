/* A new text for gateway.yaml: what would change, and the change itself.
 *
 *     config_change_read -> (a person or config_edit.h) -> config_change_check -> config_change_apply */
#ifndef GATEWAY_CONFIG_CHANGE_H
#define GATEWAY_CONFIG_CHANGE_H

#include <jansson.h>

#include "gateway/file_change.h"

struct config;

/* The file as it is on the disk, and its etag. 0 (the text is the caller's) or -errno. */
int config_change_read(const struct gateway *gateway, char **ret_text, char ret_etag[FILE_ETAG_SIZE]);

/* Against what runs and the file on the disk: {"problems": as problems_json(), "diff": of the file to the text, "changed", "added", "removed":
 * [station], "restart": the key that needs a restart, or null}. Stations are empty where there are problems in the text. New
 * reference, or NULL without memory. */
json_t *config_change_check(const struct gateway *gateway, const char *text);

/* Which stations a reload of the file as it is would change: {"changed", "added", "removed"}, for the audit log. New reference; NULL: it cannot be
 * told. */
json_t *config_change_of_reload(const struct gateway *gateway);

/* Checks the text, puts it in the place of the file, keeps the old one as FILE.bak, and reloads; what the reload refuses is put back. `etag` is
 * of the file that the text was made from. 0: the callback will come. Else nothing was done: -EINVAL or -EBUSY (a station's firmware is
 * being installed), see problems; -EBUSY without one (another change is under way), -ESTALE, -ENOMEM. */
int config_change_apply(struct gateway *gateway, const char *text, const char *etag,
                        struct problems *problems, file_changed callback, void *ctx);

#endif
