/* The description of the API (docs/openapi.json), in the program itself. */
#include "manage/api_internal.h"
#include "manage/assets.h"

static void get_openapi(struct api_request *request)
{
    api_answer_text(request, 200, "application/json", openapi_text);
}

const struct api_route api_openapi_routes[] = {
    { HTTP_GET, API_PREFIX "/openapi.json", ROLE_NONE, get_openapi, "this API (OpenAPI 3.1)", NULL },
    { 0 },
};
