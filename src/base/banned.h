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

#pragma GCC poison sprintf vsprintf strcpy strcat strncpy strncat strtok atoi atol atof sscanf gmtime localtime

#endif
