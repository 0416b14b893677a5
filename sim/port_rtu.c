/* Modbus RTU: one line, any number of units. Either a serial port of this machine or the far end of a pty made here.
 *
 * The far end is not held open here: a gateway that opens it exclusively (TIOCEXCL) and dies must find it free again.
 * So a pty nobody has open reads as hung up, and is looked at again a little later. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/str.h"
#include "sim/modbus_map.h"
#include "sim/port.h"

#define UNITS_MAX     32
#define SILENCE_MS    10 /* 3.5 characters at 9600 baud are 4 ms; a pty may deliver a frame in pieces */
#define LOOK_AGAIN_MS 50
#define REOPEN_MS     1000
#define BAUD          9600

struct rtu_line {
    struct loop *loop;
    struct stream *stream; /* a serial port, else: */
    uv_poll_t *poll;       /* the near end of the pty */
    int fd;
    char path[256], far_end[64]; /* the symbolic link, and where it leads */
    struct timer silence, again;
    struct modbus_receiver receiver;
    struct answers answers;
    struct charger *units[UNITS_MAX];
    size_t count;
};

/* ---- requests ---- */

static void send_answer(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len)
{
    (void)to;
    struct rtu_line *line = ctx;
    if (line->stream)
        (void)stream_write(line->stream, bytes, len);
    else if (write(line->fd, bytes, len) < 0)
        return; /* nobody listens: lost, as on a wire */
}

static void answer_unit(struct rtu_line *line, struct charger *charger, const struct modbus_frame *request)
{
    if (!charger_is_reachable(charger))
        return;
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    struct modbus_frame response = *request;
    struct modbus_device device = { charger->modbus, &charger->model, charger_wrote, charger };
    int len = modbus_answer(&device, request->pdu, request->pdu_len, pdu);
    if (len < 0 || request->unit == 0) /* a broadcast is obeyed, not answered */
        return;
    response.pdu = pdu;
    response.pdu_len = (size_t)len;
    len = modbus_encode_frame(MODBUS_RTU, &response, bytes, sizeof bytes);
    if (len > 0) /* the last byte is the CRC's */
        answers_send(&line->answers, charger, NULL, bytes, (size_t)len, (size_t)len - 1);
}

static void answer(struct rtu_line *line, const struct modbus_frame *request)
{
    for (size_t i = 0; i < line->count; i++) {
        if (request->unit == 0 || request->unit == line->units[i]->unit)
            answer_unit(line, line->units[i], request);
    }
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct rtu_line *line = ctx;
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    int r;
    while ((r = modbus_receive(&line->receiver, &input, &frame)) != 0) {
        if (r > 0)
            answer(line, &frame);
    }
    env_timer_start(&line->loop->env, &line->silence, SILENCE_MS);
}

static void on_silence(struct timer *timer, void *ctx)
{
    (void)timer;
    struct rtu_line *line = ctx;
    struct modbus_frame frame;
    int r;
    while ((r = modbus_receive_silence(&line->receiver, &frame)) != 0) {
        if (r > 0)
            answer(line, &frame);
    }
}

/* ---- a serial port ---- */

static void on_close(void *ctx, int err)
{
    (void)err;
    struct rtu_line *line = ctx;
    env_timer_start(&line->loop->env, &line->again, REOPEN_MS);
}

static int open_port(struct rtu_line *line, const char *path)
{
    static const struct stream_events events = { .on_data = on_data, .on_close = on_close };
    struct serial_settings settings = { .baud = BAUD, .data_bits = 8, .parity = 'E', .stop_bits = 1 };
    if (str_copy(settings.path, sizeof settings.path, path) < 0)
        return -ENAMETOOLONG;
    if (access(path, R_OK | W_OK) < 0)
        return -errno;
    line->stream = stream_new_serial(line->loop, &settings, &events, line);
    if (!line->stream)
        return -ENOMEM;
    stream_open(line->stream);
    return 0;
}

/* ---- a pty ---- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct rtu_line *line = poll->data;
    uint8_t bytes[512];
    ssize_t n = status < 0 ? -1 : read(line->fd, bytes, sizeof bytes);
    if (n > 0) {
        on_data(line, bytes, (size_t)n);
    } else if (n == 0 || status < 0 || (errno != EAGAIN && errno != EINTR)) {
        uv_poll_stop(poll);
        modbus_receiver_clear(&line->receiver);
        env_timer_start(&line->loop->env, &line->again, LOOK_AGAIN_MS);
    }
}

static void on_again(struct timer *timer, void *ctx)
{
    (void)timer;
    struct rtu_line *line = ctx;
    if (line->stream)
        stream_open(line->stream);
    else
        uv_poll_start(line->poll, UV_READABLE, on_readable);
}

/* Raw from the start: what is written before the far end is set up must not come back as an echo. */
static int make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) < 0)
        return -errno;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int link_far_end(struct rtu_line *line, const char *path)
{
    struct stat status;
    if (grantpt(line->fd) < 0 || unlockpt(line->fd) < 0 ||
        ptsname_r(line->fd, line->far_end, sizeof line->far_end) != 0)
        return -errno;
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        (void)unlink(path);
    if (symlink(line->far_end, path) < 0)
        return -errno;
    return str_copy(line->path, sizeof line->path, path);
}

/* Another simulator may have put its own in the same place. */
static void unlink_far_end(const struct rtu_line *line)
{
    char target[sizeof line->far_end];
    ssize_t len = readlink(line->path, target, sizeof target - 1);
    if (len < 0)
        return;
    target[len] = '\0';
    if (str_equal(target, line->far_end))
        (void)unlink(line->path);
}

static int open_pty(struct rtu_line *line, const char *path)
{
    if (strlen(path) >= sizeof line->path)
        return -ENAMETOOLONG;
    line->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (line->fd < 0)
        return -errno;
    int r = make_raw(line->fd);
    if (r == 0)
        r = link_far_end(line, path);
    if (r < 0)
        return r;

    line->poll = calloc(1, sizeof(*line->poll));
    if (!line->poll)
        return -ENOMEM;
    r = uv_poll_init(&line->loop->uv, line->poll, line->fd);
    if (r < 0) {
        free(STEAL(line->poll));
        return r;
    }
    line->poll->data = line;
    return uv_poll_start(line->poll, UV_READABLE, on_readable);
}

/* ---- the line ---- */

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

void rtu_line_free(struct rtu_line *line)
{
    if (!line)
        return;
    answers_done(&line->answers);
    timer_stop(&line->silence);
    timer_stop(&line->again);
    stream_free(line->stream);
    if (line->poll)
        uv_close((uv_handle_t *)line->poll, free_poll);
    if (line->fd >= 0)
        close(line->fd);
    if (line->path[0])
        unlink_far_end(line);
    free(line);
}

int rtu_line_new(struct loop *loop, const char *path, bool pty, struct rtu_line **ret)
{
    struct rtu_line *line = calloc(1, sizeof(*line));
    if (!line)
        return -ENOMEM;
    line->loop = loop;
    line->fd = -1;
    timer_init(&line->silence, &loop->timers, on_silence, line);
    timer_init(&line->again, &loop->timers, on_again, line);
    modbus_receiver_init(&line->receiver, MODBUS_RTU, true);
    answers_init(&line->answers, &loop->env, send_answer, line);

    int r = pty ? open_pty(line, path) : open_port(line, path);
    if (r < 0) {
        rtu_line_free(line);
        return r;
    }
    *ret = line;
    return 0;
}

static void leave_line(struct charger *charger)
{
    struct rtu_line *line = charger->port;
    for (size_t i = 0; i < line->count; i++) {
        if (line->units[i] == charger)
            line->units[i] = line->units[--line->count];
    }
}

int rtu_line_add(struct rtu_line *line, struct charger *charger)
{
    static const struct port_ops ops = { NULL, leave_line };
    if (line->count == UNITS_MAX)
        return -ENOSPC;
    for (size_t i = 0; i < line->count; i++) {
        if (line->units[i]->unit == charger->unit)
            return -EEXIST;
    }
    line->units[line->count++] = charger;
    charger->port = line;
    charger->port_ops = &ops;
    return 0;
}
