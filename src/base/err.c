/* Texts of errors. */
#include "base/err.h"

#include <stddef.h>
#include <string.h>

static const struct {
    int err;
    const char *text;
} rows[] = {
    { ERR_DEVICE_EXCEPTION, "the device answered with an exception" },
    { ERR_NO_ANSWER, "no answer" },
    { ERR_LINK_DOWN, "the link is down" },
    { ERR_REFUSED, "refused" },
    { ERR_NO_EFFECT, "accepted, but no effect was seen in time" },
    { ERR_SUPERSEDED, "superseded by a newer request" },
    { ERR_UNSUPPORTED, "not offered by the profile" },
};

const char *err_text(int err)
{
    if (err == 0)
        return "ok";
    int positive = err < 0 ? -err : err;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].err == positive)
            return rows[i].text;
    const char *text = strerrordesc_np(positive);
    return text ? text : "unknown error";
}
