/* What a person looks for, or tries, in a device by hand (`ocpp-cli probe`): one register, or one point of its profile, read or written on the
 * bus that the station uses, in its turn.
 *
 * Members of a request: station, evse (1); read or write: true; point (a name of the profile), or on Modbus kind ("holding" ...), address, count, and
 * unit if it is not the charger's, or of ECHONET Lite epc (0x80 to 0xFF); of a write value (of a point), words, or data (of an EPC, hexadecimal);
 * confirmed: true, else it is only told what would be written;
 * force: true for what starts a device or wears it out. */
#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

#include <jansson.h>

#include "gateway/gateway.h"

struct probes;
/* `done` gets the answer ({ok: true, ...} or {ok: false, error}, with tried: true if something may have been written), once, perhaps at once; it takes the reference. */
typedef void (*probe_done)(void *ctx, json_t *answer);
/* NULL without memory. */
struct probes *probes_new(struct gateway *gateway);
/* Those under way are not answered any more. */
void probes_free(struct probes *probes);
void probes_start(struct probes *probes, const json_t *request, probe_done done, void *ctx);

#endif
