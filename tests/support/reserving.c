#include "tests/support/reserving.h"

#include <stdio.h>

struct bench *reserving_bench(size_t evses, const char *const *presets)
{
    struct bench_options options = { .evse_count = evses };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    return b;
}

int reserving_setup(void **state)
{
    static const char *const presets[] = { "TxCtrlr.TxStartPoint=Authorized,EVConnected",
                                           "TxCtrlr.TxStopPoint=Authorized,EVConnected",
                                           "SampledDataCtrlr.TxUpdatedInterval=0",
                                           "AlignedDataCtrlr.Interval=0", NULL };
    *state = reserving_bench(2, presets);
    return 0;
}

void reserve(struct bench *b, int id, const char *more, const char *status)
{
    char text[400], expected[60];
    (void)snprintf(text, sizeof(text), "{'id': %d, " UNTIL ", %s}", id, more);
    (void)snprintf(expected, sizeof(expected), "{'status': '%s'}", status);
    bench_call(b, "ReserveNow", text, expected);
}

void reserving_restart(struct bench *b)
{
    bench_restart(b);
    bench_advance(b, 60000);
}
