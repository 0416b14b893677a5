/* GetChargingProfiles and ReportChargingProfiles (K09): what is reported is what is there when the request comes. */
#ifndef STATION_PROFILE_REPORT_H
#define STATION_PROFILE_REPORT_H

#include "base/list.h"

struct station;
struct rpc_request;

#define PROFILE_REPORTS_MAX 4 /* accepted and not yet told; one more is answered with a CALLERROR */

/* Answers a GetChargingProfilesRequest, and reports if there is something to report. */
void profile_report_request(struct station *s, const struct rpc_request *request);
void profile_reports_init(struct station *s);
/* When the outbox is empty. */
void profile_reports_done(struct station *s);

#endif
