/* Small files as text. */
#ifndef GATEWAY_FILE_H
#define GATEWAY_FILE_H

#include <stddef.h>

/* Reads a whole regular file of at most `max` bytes; the text is terminated and the caller's. 0, -errno, -EFBIG, -ENOTSUP. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);

struct stat;
/* Puts `text` in the place of the file, whole or not at all, also if the power fails. Mode, group and, if we may, owner are those of `like`;
 * NULL: `mode`, and ours. 0 or -errno. Waits for the disk: not for the loop. */
int file_write(const char *path, const char *text, const struct stat *like, unsigned mode);
/* 0 or -errno. Waits for the disk. */
int file_remove(const char *path);

#endif
