/* Block P: DataTransfer. No vendor's extension is known here. */
#include "station/internal.h"

static void on_data_transfer(struct station *s, const struct rpc_request *request)
{
    answer_status(s, request, "UnknownVendorId", NULL); /* P01.FR.05 */
}

const struct handler data_transfer_handlers[] = {
    { "DataTransfer", WHEN_ACCEPTED, on_data_transfer },
    { NULL, WHEN_ACCEPTED, NULL },
};
