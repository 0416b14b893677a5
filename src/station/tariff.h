/* Block I: what the CSMS tells a driver of tariff and cost, at the display of his EVSE.
 *
 *     authorized ----> tariff: personalMessage, else TariffFallbackMessage ----+
 *     charging ------> running cost: CostUpdated, totalCost                    +---> display.c
 *     ended ---------> total cost, else TotalCostFallbackMessage; a minute ----+
 *
 * Held in memory only, while there is something: what a driver is to pay is the CSMS's business, and a tariff may be out of date after a
 * restart. */
#ifndef STATION_TARIFF_H
#define STATION_TARIFF_H

#include <jansson.h>
#include <stdbool.h>

#include "base/timer.h"

struct station;
struct evse;

#define LANGUAGE_SIZE 9 /* RFC 5646, string[8] */

struct evse_tariff;

/* What the CSMS said of the token of the driver, or of who would be (idTokenInfo; not NULL). */
void tariff_on_token_info(struct evse *e, const json_t *info);
/* That token may not charge: its personal message is shown for a moment. */
void tariff_on_refused(struct evse *e);
/* The transaction ends; its Ended was queued. Before transaction_clear(). */
void tariff_on_ended(struct evse *e);
/* No authorization and no transaction any more. */
void tariff_on_session_over(struct evse *e);
/* The CSMS answered an event of the transaction. */
void tariff_on_event_result(struct station *s, const char *transaction_id, bool is_ended,
                            const json_t *response);
void tariff_on_offline(struct station *s);
/* Variables were changed. */
void tariff_settings_changed(struct station *s);
void tariff_done(struct station *s);

/* What is to be shown now, borrowed until the next change, or NULL. Cost: running, or total after the end. */
const char *tariff_cost_text(const struct evse *e);
const char *tariff_text(const struct evse *e);
/* Preferred language 0 or 1 of the driver; "" where it is not known. */
const char *tariff_language(const struct evse *e, int which);

#endif
