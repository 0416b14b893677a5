/* Serial lines by termios: raw, with the frame format and RS-485 mode of the settings. */
#include "net/serial.h"

#include <fcntl.h>
#include <linux/serial.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"

static const struct {
    int baud;
    speed_t speed;
} speeds[] = {
    { 300, B300 },       { 600, B600 },       { 1200, B1200 },     { 1800, B1800 },   { 2400, B2400 },
    { 4800, B4800 },     { 9600, B9600 },     { 19200, B19200 },   { 38400, B38400 }, { 57600, B57600 },
    { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
};

bool serial_is_rate(int baud)
{
    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
        if (speeds[i].baud == baud)
            return true;
    return false;
}

static int set_speed(struct termios *t, int baud)
{
    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
        if (speeds[i].baud == baud)
            return cfsetspeed(t, speeds[i].speed) < 0 ? -errno : 0;
    return -EINVAL;
}

/* A pty carries bytes, and refuses any frame format. */
static bool is_pty(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

static int set_format(int fd, const struct serial_settings *s)
{
    struct termios t;
    if (tcgetattr(fd, &t) < 0)
        return -errno;

    cfmakeraw(&t);
    t.c_cflag &= (tcflag_t) ~(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS | HUPCL);
    bool bits = !is_pty(fd);
    t.c_cflag |= CLOCAL | CREAD | (bits && s->data_bits == 7 ? CS7 : CS8);
    if (bits && s->parity != 'N')
        t.c_cflag |= PARENB | (s->parity == 'O' ? PARODD : 0);
    if (s->stop_bits == 2)
        t.c_cflag |= CSTOPB;
    t.c_cc[VMIN] = 1; /* so that a read of nothing fails by EAGAIN, and 0 means hang-up */
    t.c_cc[VTIME] = 0;
    int r = set_speed(&t, s->baud);
    if (r < 0)
        return r;
    return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int set_rs485(int fd, const struct serial_settings *s)
{
    struct serial_rs485 mode = {
        .flags =
            SER_RS485_ENABLED | (s->rs485_rts_active_low ? SER_RS485_RTS_AFTER_SEND : SER_RS485_RTS_ON_SEND),
        .delay_rts_before_send = (uint32_t)s->rs485_delay_before_ms,
        .delay_rts_after_send = (uint32_t)s->rs485_delay_after_ms,
    };
    return ioctl(fd, TIOCSRS485, &mode) < 0 ? -errno : 0;
}

int serial_open(const struct serial_settings *settings, int *ret_rs485)
{
    int fd = open(settings->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    /* TIOCEXCL does not stop root: the lock does, among those who ask for it. */
    int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
    if (r == 0)
        r = ioctl(fd, TIOCEXCL) < 0 ? -errno : 0;
    if (r == 0)
        r = set_format(fd, settings);
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret_rs485 = settings->rs485 ? set_rs485(fd, settings) : 0;
    tcflush(fd, TCIOFLUSH);
    return fd;
}

void serial_close(int fd)
{
    ioctl(fd, TIOCNXCL); /* a pty stays exclusive otherwise as long as its other side is open */
    close(fd);
}
