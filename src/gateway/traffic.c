/* Counts frames (traffic.h). */
#include "gateway/traffic.h"

void traffic_connected(struct traffic *traffic)
{
    traffic->connects++;
    traffic->asked_ms = 0;
}

/* One CALL of ours is open at a time (Part 4, 4.1.1), so that the next result or error answers it. */
void traffic_frame(struct traffic *traffic, bool outgoing, const char *text, size_t len, int64_t now_ms)
{
    bool is_call = len > 1 && text[1] == '2', is_answer = len > 1 && (text[1] == '3' || text[1] == '4');
    if (outgoing && is_call)
        traffic->asked_ms = now_ms;
    if (!outgoing && is_answer && traffic->asked_ms) {
        histogram_add(&traffic->answers, (double)(now_ms - traffic->asked_ms) / 1000);
        traffic->asked_ms = 0;
    }
    (outgoing ? traffic->sent++ : traffic->received++);
}
