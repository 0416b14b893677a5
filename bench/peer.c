/* The bench's counterpart in one process: a CSMS for any number of stations and the Modbus TCP chargers behind them, fast enough not
 * to be what is measured.
 *
 *   bench-peer CSMS_PORT MODBUS_PORT STATIONS [CERTIFICATE KEY]
 *
 * Station i (identity "B<i>", i from 0) has its charger at 127.1.x.y with i = 256 x + y. Registers of a charger: input 0 state (2 connected,
 * 3 charging, 4 paused by the car), input 1-2 power, input 3-4 energy; holding 10 enable, 11 limit.
 *
 * Commands on stdin, each answered by one line of JSON: "ready" (when all stations are accepted and have sent their
 * status), "latency COUNT", "requests SECONDS", "events SECONDS", "polls SECONDS", "live" (from now on all charge, and tell other values
 * at each poll). It ends with its input. */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "bench/wire.h"
#include "driver/modbus/codec.h"

#define MAX_STATIONS 4096
#define MAX_SAMPLES  100000
#define MAX_UNACKED  4 /* events of one station on their way, so that its queue does not grow */
#define NO_ANSWER_NS 2000000000
#define BETWEEN_NS   1000000 /* rest between two starts: a site is not a loop */

enum measure { MEASURE_ANSWER, MEASURE_WRITE, MEASURE_EVENT, MEASURES_OF_LATENCY };
static const char *const measure_names[] = { "answer", "write", "event" };

struct station {
    struct wire *wire;
    bool accepted, has_status;
    char transaction[40];
    uint16_t enable;
    bool paused;
    int unacked;
    int remote_start;
};

enum activity { IDLE, READY, LATENCY_START, LATENCY_STOP, REQUESTS, EVENTS, POLLS };

struct peer {
    struct wires *wires;
    struct station stations[MAX_STATIONS];
    int count, accepted, with_status;
    int64_t ready_ns;
    char input[1024];
    size_t input_len;
    bool ended, is_live;

    enum activity activity;
    int64_t until_ns, begun_ns, next_ns;
    uint64_t answers, errors, events, polls;
    int64_t counted_from_ns;
    /* latency */
    int turn, wanted, lost;
    int64_t asked_ns, seen_ns[MEASURES_OF_LATENCY];
    double *samples[MEASURES_OF_LATENCY]; /* microseconds */
    int sample_count;
    uint64_t next_id;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- chargers ---- */

static void put_u16(uint8_t *bytes, int at, uint32_t value)
{
    bytes[2 * at] = (uint8_t)(value >> 8);
    bytes[2 * at + 1] = (uint8_t)value;
}

static void read_registers(struct peer *p, struct station *s, const struct modbus_request *request,
                           uint8_t *ret)
{
    uint8_t memory[2 * 16] = { 0 };
    bool charging = s->enable != 0;
    if (p->activity == EVENTS && charging && s->unacked < MAX_UNACKED) {
        s->paused = !s->paused;
        s->unacked++;
    }
    put_u16(memory, 0, !charging ? 2 : s->paused ? 4 : 3);
    put_u16(memory, 2, charging && !s->paused ? 7360 + (p->is_live ? (uint32_t)(p->polls % 97) : 0) : 0);
    put_u16(memory, 4, 1000 + (p->is_live ? (uint32_t)((now_ns() - p->begun_ns) / 500000000) : 0));
    put_u16(memory, 10, s->enable);
    put_u16(memory, 11, 320);
    memcpy(ret, memory + 2 * request->address, 2u * request->count);
}

static void note(struct peer *p, int station, enum measure measure);

static void serve_modbus(struct peer *p, struct wire *wire, const struct modbus_frame *frame)
{
    struct modbus_request request;
    uint8_t data[2 * 16], pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    if (wire->index >= p->count || modbus_decode_request(frame->pdu, frame->pdu_len, &request) < 0)
        bench_die("Modbus request");
    struct station *s = &p->stations[wire->index];
    struct modbus_response response = { .function = request.function,
                                        .address = request.address,
                                        .count = request.count,
                                        .data = request.data,
                                        .data_len = request.data_len };
    if (request.address + request.count > 16) {
        response.exception = MODBUS_ILLEGAL_ADDRESS;
    } else if (request.data) {
        if (request.address == 10)
            s->enable = (uint16_t)(request.data[0] << 8 | request.data[1]);
    } else {
        read_registers(p, s, &request, data);
        response.data = data;
        response.data_len = 2u * request.count;
        p->polls++;
    }
    int len = modbus_encode_response(&response, pdu, sizeof(pdu));
    struct modbus_frame answer = { frame->transaction, frame->unit, pdu, (size_t)len };
    len = modbus_encode_frame(MODBUS_TCP, &answer, bytes, sizeof(bytes));
    wire_send(wire, bytes, (size_t)len);
    if (request.data && request.address == 10 && s->enable)
        note(p, wire->index, MEASURE_WRITE);
}

static size_t on_modbus(void *ctx, struct wire *wire, uint8_t *bytes, size_t len)
{
    if (len < 8)
        return 0;
    size_t whole = 6u + (size_t)(bytes[4] << 8 | bytes[5]);
    if (len < whole)
        return 0;
    struct modbus_frame frame = { (uint16_t)(bytes[0] << 8 | bytes[1]), bytes[6], bytes + 7, whole - 7 };
    serve_modbus(ctx, wire, &frame);
    return whole;
}

static void on_modbus_close(void *ctx, struct wire *wire)
{
    (void)ctx;
    (void)wire;
}

/* ---- CSMS ---- */

__attribute__((format(printf, 2, 3))) static void send_text(struct station *s, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (s->wire && len < (int)sizeof(text))
        websocket_send_text(s->wire, text, (size_t)len);
}

/* The text behind `name` up to the next quote; the messages are the gateway's, without blanks. */
static bool find_text(const char *message, const char *name, char *ret, size_t size)
{
    const char *at = strstr(message, name);
    if (!at)
        return false;
    at += strlen(name);
    size_t len = strcspn(at, "\"");
    if (len >= size)
        return false;
    memcpy(ret, at, len);
    ret[len] = '\0';
    return true;
}

static void ask_get_variables(struct peer *p, struct station *s)
{
    send_text(s,
              "[2,\"%" PRIu64
              "\",\"GetVariables\",{\"getVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},"
              "\"variable\":{\"name\":\"HeartbeatInterval\"}}]}]",
              p->next_id++);
}

static void ask_start(struct peer *p, struct station *s)
{
    s->transaction[0] = '\0';
    send_text(s,
              "[2,\"%" PRIu64 "\",\"RequestStartTransaction\",{\"evseId\":1,\"remoteStartId\":%d,"
              "\"idToken\":{\"idToken\":\"BENCH\",\"type\":\"Central\"}}]",
              p->next_id++, ++s->remote_start);
}

static void ask_stop(struct peer *p, struct station *s)
{
    send_text(s, "[2,\"%" PRIu64 "\",\"RequestStopTransaction\",{\"transactionId\":\"%s\"}]", p->next_id++,
              s->transaction);
}

static void on_transaction_event(struct peer *p, struct station *s, const char *id, const char *message)
{
    send_text(s,
              strstr(message, "\"idToken\":{") ? "[3,\"%s\",{\"idTokenInfo\":{\"status\":\"Accepted\"}}]"
                                               : "[3,\"%s\",{}]",
              id);
    p->events++;
    if (s->unacked > 0)
        s->unacked--;
    if (strstr(message, "\"eventType\":\"Started\"")) {
        (void)find_text(message, "\"transactionId\":\"", s->transaction, sizeof(s->transaction));
        note(p, (int)(s - p->stations), MEASURE_EVENT);
    } else if (strstr(message, "\"eventType\":\"Ended\"")) {
        s->transaction[0] = '\0';
        if (p->activity == LATENCY_STOP && s == &p->stations[p->turn]) {
            p->turn = (p->turn + 1) % p->count;
            p->next_ns = now_ns() + BETWEEN_NS;
            p->activity = LATENCY_START;
            p->asked_ns = 0;
        }
    }
}

static void on_call(struct peer *p, struct station *s, const char *message)
{
    char id[64], action[64];
    if (!find_text(message, "[2,\"", id, sizeof(id)))
        bench_die("no CALL");
    const char *behind = message + 4 + strlen(id);
    if (!find_text(behind, ",\"", action, sizeof(action)))
        bench_die("CALL without action");

    struct timespec wall;
    char time[TIMESTAMP_SIZE];
    clock_gettime(CLOCK_REALTIME, &wall);
    timestamp_format(wall.tv_sec * 1000 + wall.tv_nsec / 1000000, time);
    if (strcmp(action, "TransactionEvent") == 0) {
        on_transaction_event(p, s, id, behind);
    } else if (strcmp(action, "BootNotification") == 0) {
        send_text(s, "[3,\"%s\",{\"currentTime\":\"%s\",\"interval\":60,\"status\":\"Accepted\"}]", id, time);
        p->accepted += !s->accepted;
        s->accepted = true;
    } else if (strcmp(action, "Heartbeat") == 0) {
        send_text(s, "[3,\"%s\",{\"currentTime\":\"%s\"}]", id, time);
    } else if (strcmp(action, "Authorize") == 0) {
        send_text(s, "[3,\"%s\",{\"idTokenInfo\":{\"status\":\"Accepted\"}}]", id);
    } else {
        send_text(s, "[3,\"%s\",{}]", id);
    }
    if (strcmp(action, "StatusNotification") == 0 && s->accepted && !s->has_status) {
        s->has_status = true;
        if (++p->with_status == p->count)
            p->ready_ns = now_ns();
    }
}

static void on_result(struct peer *p, struct station *s, const char *message)
{
    p->answers++;
    if (message[1] != '3') {
        p->errors++;
        if (p->errors < 4)
            fprintf(stderr, "bench-peer: %s\n", message);
    }
    if (p->activity == REQUESTS)
        ask_get_variables(p, s);
    else
        note(p, (int)(s - p->stations), MEASURE_ANSWER);
}

static void on_message(struct peer *p, struct station *s, const char *message)
{
    if (message[1] == '2')
        on_call(p, s, message);
    else
        on_result(p, s, message);
}

static size_t on_websocket(void *ctx, struct wire *wire, uint8_t *bytes, size_t len)
{
    struct peer *p = ctx;
    char path[256];
    if (!wire->upgraded) {
        size_t taken = websocket_upgrade(wire, bytes, len, path, sizeof(path));
        const char *name = taken ? strrchr(path, '/') : NULL;
        long index = name && name[1] == 'B' ? strtol(name + 2, NULL, 10) : -1;
        if (taken && (index < 0 || index >= p->count))
            bench_die("unknown station");
        if (taken) {
            p->stations[index].wire = wire;
            wire->user = &p->stations[index];
        }
        return taken;
    }
    int opcode;
    char *payload;
    size_t payload_len;
    size_t taken = websocket_frame(bytes, len, &opcode, &payload, &payload_len);
    if (taken && opcode == 1) {
        static char text[WIRE_BUFFER];
        memcpy(text, payload, payload_len);
        text[payload_len] = '\0';
        on_message(p, wire->user, text);
    } else if (taken && opcode == 9) {
        websocket_send_pong(wire, payload, payload_len);
    }
    return taken;
}

static void on_websocket_close(void *ctx, struct wire *wire)
{
    struct peer *p = ctx;
    struct station *s = wire->user;
    if (!s)
        return;
    s->wire = NULL;
    p->accepted -= s->accepted;
    p->with_status -= s->has_status;
    s->accepted = s->has_status = false;
}

/* ---- what is measured ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(double *sorted, int count, double share)
{
    return count ? sorted[(int)(share * (count - 1))] : 0;
}

static void finish_latency(struct peer *p)
{
    printf("{\"count\": %d, \"lost\": %d", p->sample_count, p->lost);
    for (int m = 0; m < MEASURES_OF_LATENCY; m++) {
        qsort(p->samples[m], (size_t)p->sample_count, sizeof(double), by_size);
        printf(", \"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f", measure_names[m],
               percentile(p->samples[m], p->sample_count, 0.5), measure_names[m],
               percentile(p->samples[m], p->sample_count, 0.99));
    }
    printf("}\n");
    p->activity = IDLE;
}

/* One of the three things seen that follow a RequestStartTransaction. */
static void note(struct peer *p, int station, enum measure measure)
{
    if (p->activity != LATENCY_START || station != p->turn || !p->asked_ns || p->seen_ns[measure])
        return;
    p->seen_ns[measure] = now_ns();
    for (int m = 0; m < MEASURES_OF_LATENCY; m++) {
        if (!p->seen_ns[m])
            return;
    }
    for (int m = 0; m < MEASURES_OF_LATENCY; m++)
        p->samples[m][p->sample_count] = (double)(p->seen_ns[m] - p->asked_ns) / 1000;
    p->sample_count++;
    p->activity = LATENCY_STOP;
    p->asked_ns = now_ns();
    ask_stop(p, &p->stations[p->turn]);
}

static void step_latency(struct peer *p, int64_t now)
{
    struct station *s = &p->stations[p->turn];
    if (p->asked_ns && now - p->asked_ns > NO_ANSWER_NS) {
        p->lost++;
        p->turn = (p->turn + 1) % p->count;
        p->activity = LATENCY_START;
        p->asked_ns = 0;
        p->next_ns = now;
        return;
    }
    if (p->activity != LATENCY_START || p->asked_ns || now < p->next_ns)
        return;
    if (p->sample_count + p->lost >= p->wanted) {
        finish_latency(p);
        return;
    }
    memset(p->seen_ns, 0, sizeof(p->seen_ns));
    p->asked_ns = now_ns();
    ask_start(p, s);
}

static void finish_counting(struct peer *p, int64_t now)
{
    double seconds = (double)(now - p->counted_from_ns) / 1e9;
    enum activity was = p->activity;
    p->activity = IDLE;
    for (int i = 0; was == EVENTS && i < p->count; i++)
        ask_stop(p, &p->stations[i]);
    printf("{\"seconds\": %.3f, \"answers\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"events\": %" PRIu64
           ", \"polls\": %" PRIu64 "}\n",
           seconds, p->answers, p->errors, p->events, p->polls);
}

/* Counting begins after the first fifth, when all is in motion. */
static void step_counting(struct peer *p, int64_t now)
{
    int64_t from_ns = p->begun_ns + (p->until_ns - p->begun_ns) / 5;
    if (!p->counted_from_ns && now >= from_ns) {
        p->counted_from_ns = now;
        p->answers = p->errors = p->events = p->polls = 0;
    }
    if (now >= p->until_ns)
        finish_counting(p, now);
}

static void step(struct peer *p)
{
    int64_t now = now_ns();
    switch (p->activity) {
    case IDLE:
        return;
    case READY:
        if (p->with_status == p->count) {
            printf("{\"ready_ns\": %" PRId64 "}\n", p->ready_ns);
            p->activity = IDLE;
        }
        return;
    case LATENCY_START:
    case LATENCY_STOP:
        step_latency(p, now);
        return;
    case REQUESTS:
    case EVENTS:
    case POLLS:
        step_counting(p, now);
        return;
    }
}

static void obey(struct peer *p, const char *verb, long number)
{
    p->begun_ns = now_ns();
    p->until_ns = p->begun_ns + number * 1000000000LL;
    p->counted_from_ns = 0;
    if (strcmp(verb, "ready") == 0) {
        p->activity = READY;
    } else if (strcmp(verb, "latency") == 0) {
        p->activity = LATENCY_START;
        p->wanted = number < MAX_SAMPLES ? (int)number : MAX_SAMPLES;
        p->turn = p->sample_count = p->lost = 0;
        p->asked_ns = p->next_ns = 0;
    } else if (strcmp(verb, "requests") == 0) {
        p->activity = REQUESTS;
        for (int i = 0; i < p->count; i++)
            ask_get_variables(p, &p->stations[i]);
    } else if (strcmp(verb, "events") == 0) {
        p->activity = EVENTS;
        for (int i = 0; i < p->count; i++) {
            p->stations[i].unacked = 0;
            ask_start(p, &p->stations[i]);
        }
    } else if (strcmp(verb, "polls") == 0) {
        p->activity = POLLS;
    } else if (strcmp(verb, "live") == 0) {
        p->is_live = true;
        for (int i = 0; i < p->count; i++)
            ask_start(p, &p->stations[i]);
        printf("{\"live\": true}\n");
    } else {
        bench_die("unknown command");
    }
}

static void on_input(void *ctx)
{
    struct peer *p = ctx;
    ssize_t n = read(STDIN_FILENO, p->input + p->input_len, sizeof(p->input) - p->input_len - 1);
    p->ended = n <= 0;
    p->input_len += n > 0 ? (size_t)n : 0;
    for (char *end; (end = memchr(p->input, '\n', p->input_len));) {
        *end = '\0';
        char *rest = p->input;
        const char *verb = strsep(&rest, " ");
        obey(p, verb, rest ? strtol(rest, NULL, 10) : 0);
        p->input_len -= (size_t)(end + 1 - p->input);
        memmove(p->input, end + 1, p->input_len);
    }
}

static SSL_CTX *tls_of(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        bench_die("certificate");
    SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

int main(int argc, char **argv)
{
    static const struct wire_owner csms = { on_websocket, on_websocket_close };
    static const struct wire_owner chargers = { on_modbus, on_modbus_close };
    struct peer *p = calloc(1, sizeof(*p));
    if (!p || argc < 4)
        bench_die("usage: bench-peer CSMS_PORT MODBUS_PORT STATIONS [CERTIFICATE KEY]");
    for (int m = 0; m < MEASURES_OF_LATENCY; m++) {
        p->samples[m] = calloc(MAX_SAMPLES, sizeof(double));
        if (!p->samples[m])
            bench_die("memory");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    p->count = (int)strtol(argv[3], NULL, 10);
    if (p->count < 1 || p->count > MAX_STATIONS)
        bench_die("number of stations");
    p->wires = wires_new();
    wires_listen(p->wires, (uint16_t)strtol(argv[1], NULL, 10), argc > 5 ? tls_of(argv[4], argv[5]) : NULL,
                 &csms, p);
    wires_listen(p->wires, (uint16_t)strtol(argv[2], NULL, 10), NULL, &chargers, p);
    wires_watch(p->wires, STDIN_FILENO, on_input, p);
    printf("{\"listening\": true}\n");
    while (!p->ended) {
        wires_run(p->wires, p->activity == IDLE ? 1000 : 1);
        step(p);
    }
    return 0;
}
