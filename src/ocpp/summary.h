/* One OCPP-J frame in a few words: "TransactionEvent Updated #3 MeterValuePeriodic 1234 Wh". */
#ifndef OCPP_SUMMARY_H
#define OCPP_SUMMARY_H

#include <jansson.h>
#include <stddef.h>

/* `frame` is the parsed array. Always terminated; cut off to fit. */
void frame_summary(const json_t *frame, char *ret, size_t size);

#endif
