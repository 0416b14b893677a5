/* What is in the profile directories: which profiles can be used, what each offers, where a new one would go. Reading them all takes long, so
 * it is done in libuv's pool (profile_files.h), and a file that did not change is not read again. */
#ifndef GATEWAY_PROFILE_SCAN_H
#define GATEWAY_PROFILE_SCAN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "gateway/config.h"

#define PROFILE_SCAN_MAX 2000 /* more are not listed */

struct profile_file {
    char *name, *path;
    char *extends;    /* NULL: none */
    char *hides;      /* the file of the same name that it stands before; NULL: none */
    size_t directory; /* index */
    bool writable;    /* its directory is */
    bool fresh;       /* was read by this scan */
    struct stat status;
    json_t *about; /* {"vendor", "models", "protocol", "offers": profile_json()} or {"problems": [...]} */
};

struct profile_scan {
    struct profile_file *files; /* by name */
    size_t count;
    char *target; /* the first directory that can be written or made; NULL: none */
    size_t target_index;
    size_t read;             /* files whose content was read */
    const char *config_path; /* borrowed during the scan */
    bool cut_off;
};

/* Takes what is still true out of `old`, which is to be freed afterwards; touches no reference in it otherwise, so it may belong to another
 * thread. `ret` is to be freed by profile_scan_done(), also on failure. 0 or -ENOMEM. */
int profile_scan(const char *directories, const char *beside, struct profile_scan *old,
                 struct profile_scan *ret);
void profile_scan_done(struct profile_scan *scan);
/* Whether the file at `path` is the configuration, which has passwords: no profile, even where its directory is one of profiles. */
bool profile_scan_is_config(const char *path, const char *config_path);
/* NULL: there is none. */
const struct profile_file *profile_scan_find(const struct profile_scan *scan, const char *name);
/* Whether the profile is the other one, or is built on it. */
bool profile_scan_builds_on(const struct profile_scan *scan, const char *name, const char *other);

#endif
