/* A terminal taken as a whole: the alternate screen, keys as they are pressed, and all as it was afterwards, whatever ends it. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/buf.h"

enum screen_key {
    KEY_NONE = 0, /* 1..127: the character */
    KEY_UP = 256,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_ESCAPE,
    KEY_RESIZED, /* of another size, or seen again after it was suspended */
    KEY_QUIT,    /* a signal that ends programs */
};

struct screen {
    int rows, columns;
    bool has_colour; /* NO_COLOR is not set */
    struct termios before;
    int signals;
    struct buf out; /* what is drawn, until screen_show() */
};

/* Whether standard input and output are a terminal that can be drawn on. */
bool screen_is_there(void);
/* 0 or -errno. */
int screen_begin(struct screen *screen);
void screen_end(struct screen *screen);
/* The next key or signal; KEY_NONE: none within the time. */
int screen_key(struct screen *screen, int timeout_ms);
/* One line more, cut off where the terminal ends; `style` such as "7" (reverse) or "1;31", "": plain. */
void screen_line(struct screen *screen, const char *style, const char *text);
/* Puts the lines on the screen, from its top. */
void screen_show(struct screen *screen);

#endif
