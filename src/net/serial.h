/* Opening and closing of serial lines, for stream.c. */
#ifndef NET_SERIAL_H
#define NET_SERIAL_H

#include "net/stream.h"

/* Opens the port exclusively and raw, non-blocking. A descriptor, or -errno (-EBUSY: another process has it; -EINVAL: not a
 * standard rate). `ret_rs485` is 0, or why the driver refused RS-485 mode; the port is open all the same. */
int serial_open(const struct serial_settings *settings, int *ret_rs485);
void serial_close(int fd);
/* Whether serial_open() knows the rate. */
bool serial_is_rate(int baud);

#endif
