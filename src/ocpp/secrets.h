/* Frames are shown in logs and displays; what is secret in them is not. */
#ifndef OCPP_SECRETS_H
#define OCPP_SECRETS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Puts "(hidden)" in the place of passwords, keys, PINs, key codes and of the user part of URLs, wherever in the frame they are. */
void frame_hide_secrets(json_t *frame);
/* A frame as it may be shown: without its secrets; of what is no JSON the beginning, as a string. New reference or NULL. */
json_t *frame_for_display(const char *text, size_t len);
/* For what is no JSON: false if nothing in it looks like one of those. */
bool text_may_hold_secret(const char *text, size_t len);

#endif
