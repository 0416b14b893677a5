/* A file that only takes up room beside the database. Given up when the disk is full, so that what is under way can still be
 * written down; made again when there is room. */
#ifndef STORE_RESERVE_H
#define STORE_RESERVE_H

#include <stdbool.h>

#define RESERVE_BYTES (2 << 20)

/* Makes sure of the reserve; false if there is no room for it (or it cannot be made). */
bool reserve_make(const char *path);
/* Gives it up. True if there was one. */
bool reserve_release(const char *path);

#endif
