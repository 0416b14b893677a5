/* What changed between two texts, as a unified diff for people. Passwords in it are hidden. */
#ifndef GATEWAY_TEXT_DIFF_H
#define GATEWAY_TEXT_DIFF_H

#include <stddef.h>

#define TEXT_DIFF_MAX_LINES   20000     /* of both, between the first and the last that differ ... */
#define TEXT_DIFF_MAX_CHANGES 1000      /* ... and lines that differ: beyond, all between is one change */
#define TEXT_DIFF_MAX_BYTES   (1 << 20) /* of the result; what is beyond is not shown */
#define TEXT_DIFF_CONTEXT     3

/* Heap text, the caller's: "" if they are equal, else in UTF-8, with a head that names the two. NULL without
 * memory. */
char *text_diff(const char *old_name, const char *old_text, const char *new_name, const char *new_text);
/* The text with *** in the place of each value of a key `password`, also in comments; its lines stay where they are. Where it is no YAML, more
 * may be hidden than need be. NULL without memory. */
char *text_hide_passwords(const char *text);

#endif
