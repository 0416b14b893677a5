/* Routes of the API that are about the gateway itself, by subject; management.c serves them. Each table ends with a pattern of NULL. */
#ifndef GATEWAY_API_ROUTES_H
#define GATEWAY_API_ROUTES_H

#include "gateway/file_change.h"
#include "gateway/gateway.h"
#include "gateway/management.h"
#include "manage/api.h"

extern const struct api_route api_site_routes[], api_station_routes[], api_command_routes[],
    api_history_routes[], api_profile_routes[], api_config_routes[], api_wizard_routes[],
    api_metrics_routes[];

/* The gateway of a request. */
static inline struct gateway *api_gateway(const struct api_request *request)
{
    return api_context(request);
}
/* The station of {id}; NULL: there is none, and that was answered. */
struct station_entry *api_station(struct api_request *request);
/* Answers a change of a file that was not made (file_change.h): as the error says, with {"problems": [...]} of `file`. */
void api_refuse_change(struct api_request *request, int err, const struct problems *problems,
                       const char *file);

/* Answers that what needs the configuration file was not begun (config_change.h). */
void api_refuse_job(struct api_request *request, int err);
/* Of a station's entry as it is told (config_edit_station): whoever changes it says by this which one is known, whatever becomes of the rest of the file. ""
 * without memory. */
void api_entry_etag(const json_t *entry, char ret[FILE_ETAG_SIZE]);

/* What GET /overview says, and the feed's POWER events. */
json_t *site_overview(const struct gateway *gateway, bool with_attention);

#endif
