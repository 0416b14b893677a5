/* Answers that are made while they are sent (api.h): a piece in each turn of the loop, and none before the client has taken the last. */
#include <stdlib.h>

#include "manage/api_internal.h"

struct pieces {
    struct list link;
    struct http_exchange *exchange;
    api_fill fill;
    api_filled done;
    void *ctx;
};

static bool fill(void *ctx, struct buf *out)
{
    struct pieces *pieces = ctx;
    bool goes_on = pieces->fill(pieces->ctx, out);
    if (goes_on && out->len == 0)
        http_stream_wake(pieces->exchange); /* nothing in this turn: the others', then on */
    return goes_on;
}

static void pieces_free(struct pieces *pieces)
{
    list_remove(&pieces->link);
    pieces->done(pieces->ctx);
    free(pieces);
}

void api_answer_pieces(struct api_request *request, const char *content_type, api_fill fill_next,
                       api_filled done, void *ctx)
{
    struct http_field fields[API_MAX_FIELDS];
    struct pieces *pieces = request->exchange ? calloc(1, sizeof(*pieces)) : NULL;
    if (!pieces) {
        done(ctx);
        api_problem(request, 503, "out of memory");
        return;
    }
    *pieces = (struct pieces){ .exchange = request->exchange, .fill = fill_next, .done = done, .ctx = ctx };
    list_append(&request->api->pieces, &pieces->link);
    api_request_free(request);
    api_fields(fields, content_type, NULL);
    if (http_stream(pieces->exchange, 200, fields, fill, pieces, API_STALLED_MS) < 0)
        pieces_free(pieces);
}

bool api_pieces_gone(struct api *api, const struct http_exchange *exchange)
{
    LIST_FOREACH(link, next, &api->pieces)
    {
        struct pieces *pieces = LIST_ITEM(link, struct pieces, link);
        if (pieces->exchange == exchange) {
            pieces_free(pieces);
            return true;
        }
    }
    return false;
}
