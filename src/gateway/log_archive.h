/* A log file as the CSMS gets it: texts in a tar.gz. */
#ifndef GATEWAY_LOG_ARCHIVE_H
#define GATEWAY_LOG_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct log_member {
    const char *name;
    const void *text;
    size_t len;
};

/* Makes a new file (0600) in the directory and writes the archive into it; its path goes to ret_path. On failure there is no file. Blocks:
 * for threads. 0, -errno of the file (-ENOSPC ...), -ENAMETOOLONG, -ENOMEM. */
int log_archive_write(const char *directory, const struct log_member *members, size_t count, int64_t wall_ms,
                      char *ret_path, size_t size);
/* Removes what a power cut left behind. */
void log_archive_clean(const char *directory);

#endif
