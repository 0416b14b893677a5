/* Is the device the one the profile describes? Asked whenever it comes online, before anything is written to
 * it: the registers of another model mean something else. Until the answer is right the charger counts as
 * silent. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "charger/charger_internal.h"

#define ASK_AGAIN_MS  5000  /* no answer */
#define LOOK_AGAIN_MS 60000 /* another device: somebody may exchange it */

bool identity_is_asked(const struct charger *c)
{
    return c->profile->identify.point != NULL;
}

static bool is_right(const struct charger *c)
{
    const struct identify *id = &c->profile->identify;
    const struct point_value *value = &c->values[id->point->index];
    if (value->quality != QUALITY_GOOD)
        return false;
    return id->is_text ? value->text && strcmp(value->text, id->text) == 0 : value->number == id->number;
}

static void tell_stranger(struct charger *c)
{
    const struct identify *id = &c->profile->identify;
    const struct point_value *value = &c->values[id->point->index];
    if (c->stranger)
        return;
    c->stranger = true;
    if (value->quality != QUALITY_GOOD)
        log_error(LOG_CHARGER,
                  "device does not say who it is, it is left alone until it does: profile=%s point=%s",
                  c->profile->name, id->point->name);
    else if (id->is_text)
        log_error(
            LOG_CHARGER,
            "device is not the one of its profile, it is left alone: profile=%s expected=\"%s\" found=\"%s\"",
            c->profile->name, id->text, value->text ? value->text : "");
    else
        log_error(LOG_CHARGER,
                  "device is not the one of its profile, it is left alone: profile=%s expected=%g found=%g",
                  c->profile->name, id->number, value->number);
}

static void on_read(void *ctx, int err)
{
    struct charger *c = ctx;
    if (!c->identifying)
        return;
    c->identifying = false;
    if (err == 0 && is_right(c)) {
        c->stranger = false;
        c->identify_ms = 0;
        charger_come_online(c);
    } else {
        if (err == 0 || err == -ERR_DEVICE_EXCEPTION)
            tell_stranger(c);
        c->identify_ms = env_now_ms(c->env) + (err == 0 ? LOOK_AGAIN_MS : ASK_AGAIN_MS);
    }
    charger_arm(c);
}

void identity_ask(struct charger *c)
{
    c->identify_ms = 0;
    if (c->identifying || !c->device)
        return;
    c->identifying = true;
    if (c->ops->read(c->device, c->profile->identify.point, on_read, c) < 0) {
        c->identifying = false;
        c->identify_ms = env_now_ms(c->env) + ASK_AGAIN_MS;
    }
}

void identity_forget(struct charger *c)
{
    c->identifying = false;
    c->identify_ms = 0;
}
