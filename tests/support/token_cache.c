#include "tests/support/token_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

int token_cache_setup(void **state)
{
    int r = session_setup(state);
    session_set(*state, "AuthCtrlr", "LocalPreAuthorize", "true");
    return r;
}

struct id_token token_cache_token(const char *value, const char *type)
{
    struct id_token token;
    assert_int_equal(str_copy(token.value, sizeof(token.value), value), 0);
    assert_int_equal(str_copy(token.type, sizeof(token.type), type), 0);
    return token;
}

const struct cached_token *token_cache_find(struct bench *b, const char *card)
{
    struct id_token token = token_cache_token(card, "ISO14443");
    return auth_cache_find(b->station, &token);
}

size_t token_cache_records(struct bench *b)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value) count += str_starts(name, "token/");
    return count;
}

void token_cache_tell(struct bench *b, const char *card, const char *info)
{
    struct id_token token = token_cache_token(card, "ISO14443");
    char text[400];
    (void)snprintf(text, sizeof(text), "%s", info);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    AUTO(json_t) *json = json_from_text(text, strlen(text));
    assert_non_null(json);
    auth_cache_update(b->station, &token, json);
    bench_settle(b);
}

void token_cache_learn(struct bench *b, const char *card, const char *answer)
{
    bench_answer(b, "Authorize", answer);
    bench_token(b, 1, card, "ISO14443");
    bench_expect_later(b, "Authorize", "{}");
    if (strstr(answer, "Accepted"))
        bench_token(b, 1, card, "ISO14443");
    bench_answer(b, "Authorize", "");
    bench_forget(b);
}

void token_cache_name_card(int i, char ret[static ID_TOKEN_SIZE])
{
    (void)snprintf(ret, ID_TOKEN_SIZE, "04%06d", i);
}

void token_cache_fill(struct bench *b, int from, int to, const char *info)
{
    struct id_token token = token_cache_token("", "ISO14443");
    AUTO(json_t) *json = json_from_text(info, strlen(info));
    for (int i = from; i < to; i++) {
        token_cache_name_card(i, token.value);
        b->now_ms++;
        auth_cache_update(b->station, &token, json);
    }
    bench_settle(b);
}
