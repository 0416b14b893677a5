/* Secrets are known by the names of their members; variables that hold one by the variable's name (write-only: A01.FR.02). */
#include "ocpp/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define HIDDEN      "(hidden)"
#define MAX_EXCERPT 500

static const char *const members[] = { "password", "apnPassword", "simPin", "key", "basicAuthPassword" };
static const char *const variables[] = { "BasicAuthPassword" };
/* Any of them in a text that cannot be read; "GetLog" and "Firmware": with the URL of a server, and perhaps its user. */
static const char *const signs[] = { "assword", "SetVariables", "SetNetworkProfile",
                                     "GetLog",  "Firmware",     "KeyCode" };

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_ci(name, names[i]))
            return true;
    return false;
}

/* Members that name a file of a server: who knows the URL may have it, by what stands behind '?'. */
static const char *const locations[] = { "location", "remoteLocation" };

/* The URL without its query; NULL: it has none. */
static json_t *url_without_query(const char *text)
{
    size_t len = strcspn(text, "?");
    if (!text[len])
        return NULL;
    struct buf whole;
    buf_init(&whole, len + sizeof("?" HIDDEN) + 1);
    buf_append(&whole, text, len);
    buf_text(&whole, "?" HIDDEN);
    json_t *hidden = json_string(whole.err ? HIDDEN : buf_string(&whole));
    buf_done(&whole);
    return hidden ? hidden : json_string(HIDDEN);
}

/* scheme://user:password@host loses the user; NULL: there is no user in it. */
static json_t *url_without_user(const char *text)
{
    const char *user = strstr(text, "://");
    if (!user)
        return NULL;
    user += 3;
    size_t authority = strcspn(user, "/?#");
    const char *at = memrchr(user, '@', authority);
    if (!at)
        return NULL;
    struct buf whole;
    buf_init(&whole, strlen(text) + sizeof(HIDDEN));
    buf_append(&whole, text, (size_t)(user - text));
    buf_text(&whole, HIDDEN);
    buf_text(&whole, at);
    json_t *hidden = json_string(whole.err ? HIDDEN : buf_string(&whole));
    buf_done(&whole);
    return hidden ? hidden : json_string(HIDDEN);
}

/* What is to be shown instead of the member; NULL: itself. */
static json_t *substitute(const json_t *object, const char *name, const json_t *value)
{
    bool is_secret = is_one_of(name, members, ARRAY_SIZE(members)) && !json_is_object(value);
    if (str_equal(name, "attributeValue"))
        is_secret = is_one_of(json_get_string(json_object_get(object, "variable"), "name", ""), variables,
                              ARRAY_SIZE(variables));
    if (str_equal(name, "idToken") && json_is_string(value)) /* C04.FR.04 */
        is_secret = str_equal(json_get_string(object, "type", ""), "KeyCode");
    if (is_secret)
        return json_string(HIDDEN);
    if (!json_is_string(value))
        return NULL;
    json_t *bare = is_one_of(name, locations, ARRAY_SIZE(locations))
                       ? url_without_query(json_string_value(value))
                       : NULL;
    json_t *hidden = url_without_user(bare ? json_string_value(bare) : json_string_value(value));
    if (!hidden)
        return bare;
    json_decref(bare);
    return hidden;
}

/* As deep as the parser was willing to go. */
void frame_hide_secrets(json_t *frame)
{
    size_t index;
    const char *name;
    json_t *value;
    void *next;
    json_array_foreach(frame, index, value) frame_hide_secrets(value);
    json_object_foreach_safe(frame, next, name, value)
    {
        json_t *hidden = substitute(frame, name, value);
        if (hidden)
            (void)json_object_set_new(frame, name, hidden);
        else
            frame_hide_secrets(value);
    }
}

bool text_may_hold_secret(const char *text, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (len && memmem(text, len, signs[i], strlen(signs[i])))
            return true;
    return false;
}

json_t *frame_for_display(const char *text, size_t len)
{
    char excerpt[MAX_EXCERPT + 1];
    json_t *frame = json_from_text(text, len);
    if (frame) {
        frame_hide_secrets(frame);
        return frame;
    }
    if (text_may_hold_secret(text, len))
        return json_string(HIDDEN);
    size_t shown = len < MAX_EXCERPT ? len : MAX_EXCERPT;
    for (size_t i = 0; i < shown; i++)
        excerpt[i] = text[i] ? text[i] : '?';
    excerpt[shown] = '\0';
    str_make_harmless(excerpt);
    return json_string(excerpt);
}
