/* Errors are negative ints: -errno, or one of ours, which stand below every errno. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <errno.h>

enum {
    ERR_DEVICE_EXCEPTION = 2001, /* the device answered with its protocol's error */
    ERR_NO_ANSWER = 2002,        /* nothing came within the time-out */
    ERR_LINK_DOWN = 2003,        /* the connection or bus is not up */
    ERR_REFUSED = 2004,          /* the device or peer said no */
    ERR_NO_EFFECT = 2005,        /* accepted, but the effect was not seen in time */
    ERR_SUPERSEDED = 2006,       /* a newer request of the same kind took its place */
    ERR_UNSUPPORTED = 2007,      /* the profile does not offer it */
};

/* A short English text for any error of ours or of the system; never NULL. */
const char *err_text(int err);

#endif
