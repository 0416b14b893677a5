/* Included before everything else by the build: these functions do not compile here, since each has a
 * bounded, checked or reentrant sibling (str.h, buf.h, timestamp.h). */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Under _FORTIFY_SOURCE clang has some of them as macros, which it does not poison without a warning. */
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat strtok atoi atol atof sscanf gmtime        \
    localtime

#endif
