/* Runs a scenario line by line. */
#include "sim/script.h"

#include <errno.h>

#include "base/str.h"

#define LINES_MAX 10000

struct line {
    int number;
    int64_t at_ms;    /* since the start; -1: at once */
    int64_t sleep_ms; /* -1: none */
    const char *print;
    const char *command;
};

struct script {
    struct sim *sim;
    char *name, *text; /* the lines point into text */
    struct line *lines;
    size_t count, next;
    int64_t start_ms;
    struct timer timer;
    struct wait wait;
    struct buf answer;
    void (*done)(void *ctx, int err);
    void *ctx;
};

/* ---- reading ---- */

/* Cuts the first word off; "" at the end. */
static char *take_word(char **rest)
{
    *rest += strspn(*rest, " \t");
    char *word = *rest;
    *rest += strcspn(*rest, " \t");
    if (**rest)
        *(*rest)++ = '\0';
    *rest += strspn(*rest, " \t");
    return word;
}

static void check_command(struct script *s, const struct line *line, struct problems *problems)
{
    char copy[COMMAND_MAX_LINE];
    (void)str_copy(copy, sizeof copy, line->command);
    buf_clear(&s->answer);
    if (command_check(s->sim, copy, &s->answer) < 0)
        problems_add(problems, s->name, line->number, NULL, "%s", buf_string(&s->answer));
}

static void read_line(struct script *s, char *text, struct line *line, struct problems *problems)
{
    const char *name = s->name;
    char *rest = text;
    char *word = take_word(&rest);
    if (str_equal(word, "at")) {
        char *time = take_word(&rest);
        if (str_to_duration_ms(time, &line->at_ms) < 0)
            problems_add(problems, name, line->number, NULL, "\"%s\" is no time; 500ms, 2s, 1min", time);
        line->command = rest;
    } else if (str_equal(word, "sleep")) {
        if (str_to_duration_ms(rest, &line->sleep_ms) < 0)
            problems_add(problems, name, line->number, NULL, "\"%s\" is no time; 500ms, 2s, 1min", rest);
    } else if (str_equal(word, "print")) {
        line->print = rest;
    } else {
        if (*rest)
            word[strlen(word)] = ' '; /* put together again what take_word() cut */
        line->command = word;
    }
    if (line->command)
        check_command(s, line, problems);
}

static int read_lines(struct script *s, struct problems *problems)
{
    size_t before = problems->total;
    int number = 0;
    char *rest = s->text;
    for (char *text; (text = strsep(&rest, "\n")) != NULL;) {
        number++;
        text += strspn(text, " \t\r");
        text[strcspn(text, "\r")] = '\0';
        if (!*text || *text == '#')
            continue;
        if (strlen(text) >= COMMAND_MAX_LINE || s->count == LINES_MAX) {
            problems_add(problems, s->name, number, NULL, "too long; at most %d characters and %d lines",
                         COMMAND_MAX_LINE - 1, LINES_MAX);
            break;
        }
        struct line *line = &s->lines[s->count++];
        *line = (struct line){ .number = number, .at_ms = -1, .sleep_ms = -1 };
        read_line(s, text, line, problems);
    }
    return problems->total > before ? -EINVAL : 0;
}

/* ---- running ---- */

static void end(struct script *s, int err)
{
    s->done(s->ctx, err);
}

static void fail(struct script *s, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", s->name, s->lines[s->next].number, what);
    end(s, -EINVAL);
}

static void advance(struct script *s, int64_t delay_ms)
{
    s->next++;
    env_timer_start(&s->sim->loop.env, &s->timer, delay_ms);
}

static void on_wait_done(void *ctx, int err)
{
    struct script *s = ctx;
    if (err)
        fail(s, "what was waited for did not come in time");
    else
        advance(s, 0);
}

static void run_command(struct script *s, const struct line *line)
{
    char copy[COMMAND_MAX_LINE];
    (void)str_copy(copy, sizeof copy, line->command);
    buf_clear(&s->answer);
    int r = command_run(s->sim, copy, &s->wait, &s->answer);
    if (r < 0)
        fail(s, buf_string(&s->answer));
    if (r != 0)
        return;
    if (!str_equal(buf_string(&s->answer), "ok"))
        printf("%s\n", buf_string(&s->answer));
    advance(s, 0);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct script *s = ctx;
    if (s->next == s->count) {
        end(s, 0);
        return;
    }
    const struct line *line = &s->lines[s->next];
    int64_t early_ms = line->at_ms < 0 ? 0 : s->start_ms + line->at_ms - env_now_ms(&s->sim->loop.env);
    if (early_ms > 0)
        env_timer_start(&s->sim->loop.env, &s->timer, early_ms);
    else if (line->sleep_ms >= 0)
        advance(s, line->sleep_ms);
    else if (line->command)
        run_command(s, line);
    else {
        printf("%s\n", line->print);
        advance(s, 0);
    }
}

int script_new(struct sim *sim, const char *name, const char *text, struct problems *problems,
               struct script **ret)
{
    struct script *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->sim = sim;
    s->name = strdup(name);
    s->text = strdup(text);
    s->lines = calloc(LINES_MAX, sizeof(*s->lines));
    buf_init(&s->answer, ANSWER_MAX);
    timer_init(&s->timer, &sim->loop.timers, on_timer, s);
    wait_init(&s->wait, sim, on_wait_done, s);
    int r = s->name && s->text && s->lines ? read_lines(s, problems) : -ENOMEM;
    if (r < 0) {
        script_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void script_free(struct script *s)
{
    if (!s)
        return;
    timer_stop(&s->timer);
    wait_stop(&s->wait);
    buf_done(&s->answer);
    free(s->name);
    free(s->text);
    free(s->lines);
    free(s);
}

void script_start(struct script *s, void (*done)(void *ctx, int err), void *ctx)
{
    s->done = done;
    s->ctx = ctx;
    s->start_ms = env_now_ms(&s->sim->loop.env);
    env_timer_start(&s->sim->loop.env, &s->timer, 0);
}
