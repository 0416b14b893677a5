/* Small files as text. */
#ifndef GATEWAY_FILE_H
#define GATEWAY_FILE_H

#include <stddef.h>

/* Reads a whole regular file of at most `max` bytes; the text is terminated and the caller's. 0, -errno, -EFBIG, -ENOTSUP. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);

#endif
