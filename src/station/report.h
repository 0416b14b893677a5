/* Reports of the device model (B07, B08): one at a time, made and sent part by part. */
#ifndef STATION_REPORT_H
#define STATION_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct station;
struct variable_row;
struct variable_place;

/* Ends the report being sent, if there is one. */
void report_abort(struct station *s);

/* Whether a ComponentVariableType means the row there: what it leaves out stands for all (B08.FR.20-.25, N02.FR.16-.21). */
bool report_names(const json_t *wanted, const struct variable_row *row, const struct variable_place *place);
/* What the items of a part of a report may take. */
size_t report_part_bytes(const struct station *s);

#endif
