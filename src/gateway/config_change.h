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

/* Each is read in the pool (config_job.h) and compared on the loop with what runs then. 0: the callback comes, never from inside, unless the gateway stops; -ENOMEM,
 * -EBUSY (too many wait), -ECANCELED (it stops). */

/* Against what runs and the file on the disk: {"problems": as problems_json(), "diff": of the file to the text, "changed", "added", "removed":
 * [station], "restart": the key that needs a restart, or null}. Stations are empty where there are problems in the text. The
 * reference is taken over; NULL: out of memory. */
typedef void (*config_checked)(void *ctx, json_t *result);
int config_change_check(struct gateway *gateway, const char *text, config_checked callback, void *ctx);

/* Checks the text, puts it in the place of the file, keeps the old one as FILE.bak, and reloads; what the reload refuses is put back. `etag` is
 * of the file that the text was made from. What becomes of it: as file_changed says, and -EINVAL or -EBUSY (a station's firmware is being installed), see
 * problems; -EBUSY without one: another change is under way. */
struct config_change {
    const char *text, *etag;
    int (*checked)(
        void *ctx,
        const char *diff); /* it is good, and will be written, unless this fails; NULL: nobody asks */
    file_changed done;
};
int config_change_apply(struct gateway *gateway, const struct config_change *change, void *ctx);

/* Reloads the file as it is. `changes`: {"changed", "added", "removed"}, for the audit log, borrowed; NULL: it cannot be told. Problems are borrowed. */
typedef void (*config_reloaded)(void *ctx, int err, const struct problems *problems, json_t *changes);
int config_change_reload(struct gateway *gateway, config_reloaded callback, void *ctx);

/* A station's entry in the file as it is on the disk, as config_edit_station(). The reference is taken over; NULL: there is none, or the file cannot be
 * read. */
typedef void (*config_entry_found)(void *ctx, json_t *entry);
int config_change_entry(struct gateway *gateway, const char *id, config_entry_found callback, void *ctx);

#endif
