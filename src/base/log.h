/* One sentence, then fields: log_warn(LOG_MODBUS, "charger does not answer: station=%s bus=%s", id, bus).
 *
 * Areas have levels of their own. The sink is the program's one global: text or JSON lines to a file
 * descriptor (stderr at start) and, besides, any number of followers (`ocpp-cli log -f`). Never a secret, but for log_private(). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };
enum log_area {
    LOG_GATEWAY,
    LOG_OCPP,
    LOG_STATION,
    LOG_CHARGER,
    LOG_MODBUS,
    LOG_ECHONET,
    LOG_OCPP16,
    LOG_NET,
    LOG_STORE,
    LOG_AREAS
};

extern const char *const log_level_names[LOG_LEVELS]; /* "error", "warn", "info", "debug" */
extern const char *const log_area_names[LOG_AREAS];   /* "gateway", "ocpp", ... */

/* fd stays the caller's. `json` chooses JSON lines. Until then: text to stderr, level info. */
void log_setup(int fd, bool json);
void log_set_level(enum log_area area, enum log_level level);
bool log_is_on(enum log_area area, enum log_level level);
/* What was said; borrowed for the call. */
struct log_line {
    enum log_level level;
    enum log_area area;
    const char *message, *line; /* line: the whole, without its newline, in the format chosen */
};
/* Receives all that is written; NULL to end. */
void log_set_follower(void (*follow)(void *ctx, const struct log_line *line), void *ctx);
/* Receives every line, to keep it (diagnostics). */
void log_set_keeper(void (*keep)(void *ctx, const char *line), void *ctx);
void log_write(enum log_area area, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Written to the descriptor whatever the levels are, and told neither to follower nor keeper: for the one secret that only a person at this host may see, the
 * setup token. */
void log_private(enum log_area area, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_at(area, level, ...)                                                                             \
    do {                                                                                                     \
        if (log_is_on(area, level))                                                                          \
            log_write(area, level, __VA_ARGS__);                                                             \
    } while (0)
#define log_error(area, ...) log_at(area, LOG_ERROR, __VA_ARGS__)
#define log_warn(area, ...)  log_at(area, LOG_WARN, __VA_ARGS__)
#define log_info(area, ...)  log_at(area, LOG_INFO, __VA_ARGS__)
#define log_debug(area, ...) log_at(area, LOG_DEBUG, __VA_ARGS__)

#endif
