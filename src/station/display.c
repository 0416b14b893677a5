/* What stands on the displays (O01, O02, I01-I06).
 *
 * Of the messages that may be shown at an EVSE now (state, time, transaction, display, language) those of the highest priority are:
 *
 *     AlwaysFront                 alone
 *     InFront, else NormalCycle   in turn, together with tariff and cost of the driver
 *
 * A text longer than the display is shown page by page. The device hears only of what is another text than before. */
#include "station/display.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

#define TEXT_SIZE   2049  /* 512 characters of UTF-8 */
#define LOOK_MAX_MS 60000 /* clocks may be set: what waits for a time is looked at again so often at least */

bool display_is_available(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].abilities.display)
            return true;
    return false;
}

bool display_has_text(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].abilities.display && s->evses[i].abilities.display_length > 0)
            return true;
    return false;
}

void display_supported_formats(const struct station *s, char *ret, size_t size)
{
    bool utf8 = false;
    for (size_t i = 0; i < s->evse_count; i++)
        utf8 = utf8 || (s->evses[i].abilities.display && s->evses[i].abilities.display_utf8);
    (void)str_copy(ret, size, utf8 ? "ASCII,UTF8" : "ASCII");
}

static bool is_enabled(const struct station *s)
{
    return variable_bool(s, VAR_DISPLAY_ENABLED);
}

bool display_is_offered(struct station *s, const struct rpc_request *request)
{
    if (display_is_available(s) && is_enabled(s))
        return true;
    rpc_error(s->rpc, request, RPC_NOT_SUPPORTED, "display messages are not available or not enabled");
    return false;
}

/* ---- which messages ---- */

static enum message_state state_of(const struct evse *e)
{
    enum connector_status status = availability_evse_status(e);
    if (status == CONNECTOR_FAULTED)
        return MESSAGE_FAULTED;
    if (status == CONNECTOR_UNAVAILABLE)
        return MESSAGE_UNAVAILABLE;
    bool is_charging = transaction_is_running(e) && e->tx.charging_state == CHARGING_STATE_CHARGING;
    return is_charging ? MESSAGE_CHARGING : MESSAGE_IDLE;
}

static bool may_be_shown(const struct evse *e, const struct display_message *m, int64_t wall_ms)
{
    if (m->evse != 0 && m->evse != e->id)
        return false; /* O01.FR.23 */
    if (*m->transaction_id && !str_equal(m->transaction_id, e->tx.id))
        return false;
    if (wall_ms < m->start_ms || wall_ms >= m->end_ms) /* O01.FR.06, O02.FR.06 */
        return false;
    return m->state == MESSAGE_ANY_STATE || m->state == state_of(e);
}

/* "en" is also "en-US", and the other way round. */
static bool is_same_language(const char *a, const char *b)
{
    size_t len = strcspn(a, "-_");
    return len > 0 && strcspn(b, "-_") == len && strncasecmp(a, b, len) == 0;
}

/* How near a message is to what the driver reads: 0 best. A message without a language is for everyone. */
static int distance(const struct evse *e, const struct display_message *m)
{
    if (!*m->language || !*tariff_language(e, 0))
        return 0;
    for (int i = 0; i < 2; i++)
        if (is_same_language(m->language, tariff_language(e, i)))
            return i;
    return is_same_language(m->language, "en") ? 2 : 3; /* O01.FR.09, O02.FR.09 */
}

struct entry {
    int64_t key;
    enum display_priority priority;
    const char *text;
};

/* Those of the highest priority there is, and of them those nearest to the driver's language, beside those without one (O01.FR.08,
 * O02.FR.08). Returns how many; `ret` has room for all. */
static size_t choose_messages(const struct evse *e, struct entry *ret)
{
    const struct station *s = e->station;
    int64_t wall_ms = station_wall_ms(s);
    enum display_priority top = DISPLAY_NOTHING;
    int nearest = INT32_MAX;
    size_t count = 0;
    if (!is_enabled(s))
        return 0;
    LIST_FOREACH(link, following, &s->display.messages)
    {
        const struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (!may_be_shown(e, m, wall_ms) || m->priority < top)
            continue;
        if (m->priority > top) {
            top = m->priority;
            nearest = INT32_MAX;
        }
        if (*m->language && distance(e, m) < nearest)
            nearest = distance(e, m);
    }
    LIST_FOREACH(link, following, &s->display.messages)
    {
        const struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (m->priority == top && may_be_shown(e, m, wall_ms) && (!*m->language || distance(e, m) == nearest))
            ret[count++] = (struct entry){ m->id, m->priority, m->content };
    }
    return count;
}

/* All that is shown in turn, the driver's own first. NULL without memory; the caller's to free. */
static struct entry *choose(const struct evse *e, size_t *ret_count)
{
    struct entry *entries = calloc(e->station->display.count + 2, sizeof(*entries));
    const char *cost = tariff_cost_text(e), *tariff = tariff_text(e);
    size_t count = 0;
    if (!entries)
        return NULL;
    if (cost)
        entries[count++] = (struct entry){ OWN_COST, DISPLAY_NORMAL_CYCLE, cost };
    if (tariff)
        entries[count++] = (struct entry){ OWN_TARIFF, DISPLAY_NORMAL_CYCLE, tariff };
    size_t messages = choose_messages(e, entries + count);
    if (messages > 0 && entries[count].priority == DISPLAY_ALWAYS_FRONT) { /* O01.FR.15, O02.FR.17 */
        memmove(entries, entries + count, messages * sizeof(*entries));
        count = 0;
    }
    *ret_count = count + messages;
    return entries;
}

/* ---- pages ---- */

/* C0, DEL, and C1 in UTF-8 */
static bool is_control(const char *character, size_t len)
{
    unsigned char first = (unsigned char)character[0];
    return (len == 1 && (first < 0x20 || first == 0x7F)) ||
           (len == 2 && first == 0xC2 && (unsigned char)character[1] < 0xA0);
}

/* What the display cannot show becomes a blank or '?'. */
static void make_displayable(const struct evse_abilities *a, const char *text, char ret[static TEXT_SIZE])
{
    size_t used = 0;
    for (size_t left = strlen(text), step; left > 0 && used + 4 < TEXT_SIZE; text += step, left -= step) {
        size_t len = utf8_step(text, left);
        step = len ? len : 1;
        if (is_control(text, len)) {
            ret[used++] = ' ';
        } else if (len == 1) {
            ret[used++] = *text;
        } else if (len == 0 || !a->display_utf8 || (len == 4 && !a->display_in_bytes)) {
            ret[used++] = '?';
        } else {
            memcpy(ret + used, text, len);
            used += len;
        }
    }
    ret[used] = '\0';
}

/* Bytes of the text that go onto one page, at the end of a word if there is one. */
static size_t page_length(const struct evse_abilities *a, const char *text)
{
    size_t size = strlen(text), at = 0, word = 0;
    int room = a->display_length;
    while (at < size) {
        size_t step = utf8_step(text + at, size - at);
        int cost = a->display_in_bytes ? (int)step : 1;
        if (step == 0 || cost > room)
            break;
        if (text[at] == ' ')
            word = at;
        room -= cost;
        at += step;
    }
    return at == size || text[at] == ' ' || word == 0 ? at : word;
}

/* Cuts the text to its page `page`, or to the last it has. Returns how many there are. */
static size_t cut_page(const struct evse_abilities *a, char *text, size_t page)
{
    size_t pages = 0, begin = 0, len = 0, at = 0;
    do {
        at += strspn(text + at, " ");
        size_t next = page_length(a, text + at);
        if (next == 0 && pages > 0)
            break;
        if (pages++ <= page) {
            begin = at;
            len = next;
        }
        at += next;
    } while (text[at]);
    while (len > 0 && text[begin + len - 1] == ' ')
        len--;
    memmove(text, text + begin, len);
    text[len] = '\0';
    return pages;
}

/* ---- the screen ---- */

static void show(struct evse *e, const char *text, enum display_priority priority)
{
    struct evse_screen *screen = &e->screen;
    const struct station *s = e->station;
    bool is_same = str_equal(screen->text ? screen->text : "", text) && screen->priority == priority;
    if (screen->is_told && is_same)
        return;
    char *copy = *text ? strdup(text) : NULL;
    if (*text && !copy)
        return; /* the next look brings it */
    free(screen->text);
    screen->text = copy;
    screen->priority = priority;
    screen->is_told = true;
    if (s->ops->show)
        s->ops->show(s->ctx, e->id, &(struct evse_display){ text, priority });
}

/* The index of what stands there; if it is gone, the first takes its place. */
static size_t index_of(struct evse_screen *screen, const struct entry *entries, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].key == screen->key)
            return i;
    screen->page = 0;
    screen->since_ms = now_ms;
    return 0;
}

/* Shows what is to be shown now. Returns when the next page is due (monotonic); 0: never. */
static int64_t refresh(struct evse *e)
{
    struct evse_screen *screen = &e->screen;
    const struct evse_abilities *a = &e->abilities;
    int64_t now_ms = env_now_ms(e->station->env);
    char text[TEXT_SIZE];
    size_t count = 0;
    AUTO_FREE struct entry *entries = choose(e, &count);
    if (!entries)
        return now_ms + DISPLAY_PAGE_MS;
    if (count == 0) {
        show(e, "", DISPLAY_NOTHING);
        return 0;
    }
    size_t index = index_of(screen, entries, count, now_ms);
    make_displayable(a, entries[index].text, text);
    size_t pages = a->display_length > 0 ? cut_page(a, text, screen->page) : 1;
    if (now_ms >= screen->since_ms + DISPLAY_PAGE_MS && (count > 1 || pages > 1)) {
        bool is_last = screen->page + 1 >= pages;
        screen->page = is_last ? 0 : screen->page + 1;
        screen->since_ms = now_ms;
        index = is_last ? (index + 1) % count : index; /* O01.FR.12, O01.FR.14 */
        make_displayable(a, entries[index].text, text);
        pages = a->display_length > 0 ? cut_page(a, text, screen->page) : 1;
    }
    if (screen->page >= pages)
        screen->page = pages - 1; /* it became shorter */
    screen->key = entries[index].key;
    show(e, a->display_length > 0 ? text : "", entries[index].priority);
    return count > 1 || pages > 1 ? screen->since_ms + DISPLAY_PAGE_MS : 0;
}

static void earlier(int64_t *due_ms, int64_t other_ms)
{
    if (other_ms < *due_ms)
        *due_ms = other_ms;
}

/* How long until a message begins or ends. */
static int64_t next_change_ms(const struct station *s)
{
    int64_t wall_ms = station_wall_ms(s), wait_ms = INT64_MAX;
    LIST_FOREACH(link, following, &s->display.messages)
    {
        const struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (m->start_ms > wall_ms)
            earlier(&wait_ms, m->start_ms - wall_ms);
        if (m->end_ms != INT64_MAX)
            earlier(&wait_ms, m->end_ms > wall_ms ? m->end_ms - wall_ms : 0);
    }
    return wait_ms < INT64_MAX && wait_ms > LOOK_MAX_MS ? LOOK_MAX_MS : wait_ms;
}

static void refresh_all(struct station *s)
{
    int64_t now_ms = env_now_ms(s->env), wait_ms = next_change_ms(s);
    for (size_t i = 0; i < s->evse_count; i++) {
        int64_t due_ms = s->evses[i].abilities.display ? refresh(&s->evses[i]) : 0;
        if (due_ms)
            earlier(&wait_ms, due_ms > now_ms ? due_ms - now_ms : 0);
    }
    if (wait_ms < INT64_MAX)
        env_timer_start(s->env, &s->display.timer, wait_ms);
    else
        timer_stop(&s->display.timer);
}

void display_changed(struct station *s)
{
    if (!s->started || !display_is_available(s))
        return;
    display_messages_purge(s);
    refresh_all(s);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    display_changed(ctx);
}

void display_on_evse_changed(struct evse *e)
{
    const struct station *s = e->station;
    if (e->abilities.display &&
        (s->display.count > 0 || e->screen.priority || tariff_cost_text(e) || tariff_text(e)))
        display_changed(e->station);
}

void display_attract(struct evse *e, int64_t key)
{
    size_t count = 0;
    AUTO_FREE struct entry *entries = e->abilities.display ? choose(e, &count) : NULL;
    for (size_t i = 0; entries && i < count; i++) {
        if (entries[i].key != key)
            continue;
        e->screen.key = key;
        e->screen.page = 0;
        e->screen.since_ms = env_now_ms(e->station->env);
    }
}

json_t *display_json(const struct evse *e)
{
    if (!e->abilities.display)
        return NULL;
    return json_pack("{s:s, s:s}", "text", e->screen.text ? e->screen.text : "", "priority",
                     message_priority_names[e->screen.priority]);
}

/* ---- life ---- */

void display_init(struct station *s)
{
    list_init(&s->display.messages);
    list_init(&s->display.reports);
    timer_init(&s->display.timer, s->env->timers, on_timer, s);
}

void display_start(struct station *s)
{
    display_changed(s);
}

void display_done(struct station *s)
{
    timer_stop(&s->display.timer);
    display_reports_done(s);
    display_messages_free(s);
    for (size_t i = 0; i < s->evse_count; i++)
        free(s->evses[i].screen.text);
}
