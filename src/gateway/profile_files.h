/* The device profiles that the gateway can use, for management: listed, read, checked, written, removed. A profile that is written goes to the
 * first of the directories (gateway.profiles) that can be written; shipped ones stay as they are, but may be overridden. */
#ifndef GATEWAY_PROFILE_FILES_H
#define GATEWAY_PROFILE_FILES_H

#include <jansson.h>

#include "gateway/file_change.h"

#define PROFILE_NAME_MAX 64 /* a-z 0-9 -, the first no - */

struct gateway;
struct profile_files;

/* The gateway is borrowed. NULL without memory. */
struct profile_files *profile_files_new(struct gateway *gateway);
/* No callback comes any more. */
void profile_files_free(struct profile_files *files);

/* Each by name: {"name", "path", "writable", "usedBy": [station], "meters": [meter], "extends": name or null, "hides": path or null}, and
 * "vendor", "models", "protocol", "offers" (profile_json.h) or "problems". Borrowed; NULL: out of memory. */
typedef void (*profile_files_listed)(void *ctx, const json_t *list);
/* The files are looked at in the pool. 0: the callback will come, never from inside; -ENOMEM. */
int profile_files_list(struct profile_files *files, profile_files_listed callback, void *ctx);

/* {"name", "path", "writable", "text", "etag", and "offers" or "problems"}; new reference. 0, -ENOENT (no such profile) or -errno. */
int profile_files_read(const struct profile_files *files, const char *name, json_t **ret);
/* Of a text that would be the profile `name`: {"problems": [...]}, and "offers" if there are none. NULL without memory. */
json_t *profile_files_check(const struct profile_files *files, const char *name, const char *text);

/* Checks the text, writes it, and reloads if a station uses it; what the reload refuses is put back. `etag` is of the text that has to be the profile now,
 * wherever its file is; "": there may be none of the name; NULL: whatever is there. 0: the callback will come; -ENOMEM. It tells, with a
 * problem: -ESTALE or -EEXIST (there is another text), -EINVAL (the name, the text, or the reload refused it), -EACCES (no directory can be written),
 * -EBUSY (another change is under way) or why the file could not be written. */
int profile_files_put(struct profile_files *files, const char *name, const char *text, const char *etag,
                      file_changed callback, void *ctx);
/* Refused is one that is not writable (-EACCES), that stations, meters or other profiles use (-EADDRINUSE), unless another file of the name
 * takes its place, or that is not there (-ENOENT). */
int profile_files_remove(struct profile_files *files, const char *name, file_changed callback, void *ctx);

#endif
