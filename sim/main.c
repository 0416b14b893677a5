/* ocpp-sim: chargers without hardware. Reads the command line, starts what it names, and runs until told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "sim/echonet_map.h"
#include "sim/modbus_map.h"
#include "sim/script.h"
#include "sim/session.h"

#define ENTRIES_MAX 256
#define SCRIPT_MAX  ((ssize_t)1024 * 1024)
#define SPEED_MAX   100000
#define EXIT_USAGE  2

struct options {
    const char *chargers[ENTRIES_MAX], *fleets[ENTRIES_MAX];
    size_t charger_count, fleet_count;
    const char *control, *script;
    double speed;
    bool once, quiet;
};

struct program {
    struct sim sim;
    struct options options;
    struct sessions *sessions;
    struct script *script;
    uv_signal_t interrupt, terminate;
};

static const char usage[] =
    "Usage: ocpp-sim [OPTION]...\n"
    "Simulates chargers: a car, a meter and a contactor behind Modbus TCP, Modbus RTU or ECHONET Lite.\n"
    "\n"
    "  --charger KEY=VALUE,...   adds a charger (again for more):\n"
    "       name=tcp1,map=ac22,listen=127.0.0.1:15021          Modbus TCP\n"
    "       name=rtu1,map=rtu7,pty=/tmp/rtu1[,unit=7]          Modbus RTU on a pty made here; units may "
    "share it\n"
    "       name=rtu2,map=rtu7,serial=/dev/ttyUSB0             Modbus RTU, 9600 8E1\n"
    "       name=el1,map=echonet-02a1,address=127.0.0.11[,port=3610]\n"
    "       any: phases=1|3 voltage=V current=A (the charger's most) energy=WH (of the meter)\n"
    "  --fleet MAP,ADDRESS:PORT,COUNT\n"
    "                            adds COUNT chargers on successive addresses, named MAP-1, MAP-2, ...\n"
    "  --control PATH            takes commands on a Unix socket, one line each, one line of answer\n"
    "  --script FILE             runs a scenario; --once: ends with it, exit code 1 if it failed\n"
    "  --speed N                 cars fill and meters count N times faster; power and current stay as they "
    "are\n"
    "  --quiet                   does not print writes and changes\n"
    "  --help, --version\n"
    "\n"
    "In a terminal, type help for the commands.\n";

static void print_usage(void)
{
    printf("%s\nMaps:", usage);
    for (size_t i = 0; modbus_maps[i]; i++)
        printf(" %s", modbus_maps[i]->name);
    for (size_t i = 0; echonet_maps[i]; i++)
        printf(" %s", echonet_maps[i]->name);
    printf("\n");
}

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "ocpp-sim: %s: %s\n", what, why);
    return -EINVAL;
}

static int keep(const char *list[ENTRIES_MAX], size_t *count)
{
    if (*count == ENTRIES_MAX)
        return refuse(optarg, "too many");
    list[(*count)++] = optarg;
    return 0;
}

/* 1: go on; 0: all is said; negative: wrong. */
static int read_option(struct options *o, int option)
{
    switch (option) {
    case 'c':
        return keep(o->chargers, &o->charger_count) < 0 ? -EINVAL : 1;
    case 'f':
        return keep(o->fleets, &o->fleet_count) < 0 ? -EINVAL : 1;
    case 'l':
        o->control = optarg;
        return 1;
    case 's':
        o->script = optarg;
        return 1;
    case 'n':
        if (str_to_double(optarg, &o->speed) < 0 || o->speed <= 0 || o->speed > SPEED_MAX)
            return refuse("--speed", "must be a number above 0, up to 100000");
        return 1;
    case 'o':
        o->once = true;
        return 1;
    case 'q':
        o->quiet = true;
        return 1;
    case 'h':
        print_usage();
        return 0;
    case 'v':
        printf("ocpp-sim %s\n", GATEWAY_VERSION);
        return 0;
    default: /* getopt has said why */
        return -EINVAL;
    }
}

static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "charger", required_argument, NULL, 'c' }, { "fleet", required_argument, NULL, 'f' },
        { "control", required_argument, NULL, 'l' }, { "script", required_argument, NULL, 's' },
        { "speed", required_argument, NULL, 'n' },   { "once", no_argument, NULL, 'o' },
        { "quiet", no_argument, NULL, 'q' },         { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },       { NULL, 0, NULL, 0 },
    };
    *o = (struct options){ .speed = 1 };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        int r = read_option(o, option);
        if (r <= 0)
            return r;
    }
    if (optind < argc)
        return refuse(argv[optind], "not an option");
    if (o->charger_count + o->fleet_count == 0)
        return refuse("--charger", "there is none; try --help");
    if (o->once && !o->script)
        return refuse("--once", "needs --script");
    return 1;
}

/* ---- starting ---- */

static void print_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        fprintf(stderr, "ocpp-sim: %s\n", problems->list[i].text);
}

/* The file's text, the caller's; NULL: told why. */
static char *read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(SCRIPT_MAX + 1);
    ssize_t len = text ? 0 : -1;
    for (ssize_t n = 1; len >= 0 && n != 0 && len < SCRIPT_MAX;) {
        n = read(fd, text + len, (size_t)(SCRIPT_MAX - len));
        len = n < 0 ? -1 : len + n;
    }
    int err = -errno;
    if (fd >= 0)
        close(fd);
    if (len < 0 || len == SCRIPT_MAX) {
        refuse(path, len < 0 ? err_text(err) : "longer than 1 MiB");
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

static int start_chargers(struct program *p, struct problems *problems)
{
    for (size_t i = 0; i < p->options.charger_count; i++)
        (void)sim_add_charger(&p->sim, p->options.chargers[i], problems);
    for (size_t i = 0; i < p->options.fleet_count; i++)
        (void)sim_add_fleet(&p->sim, p->options.fleets[i], problems);
    return problems->total ? -EINVAL : 0;
}

static int load_script(struct program *p, struct problems *problems)
{
    if (!p->options.script)
        return 0;
    AUTO_FREE char *text = read_file(p->options.script);
    return text ? script_new(&p->sim, p->options.script, text, problems, &p->script) : -EINVAL;
}

/* In the background, reading the terminal would stop us. */
static bool has_terminal(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static int start_control(struct program *p)
{
    int r = sessions_new(&p->sim, p->options.control, &p->sessions);
    if (r < 0)
        return refuse(p->options.control ? p->options.control : "--control", err_text(r));
    return 0;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    struct program *p = signal->data;
    loop_stop(&p->sim.loop);
}

static void on_script_done(void *ctx, int err)
{
    struct program *p = ctx;
    if (!p->options.once)
        return;
    p->sim.exit_code = err ? EXIT_FAILURE : EXIT_SUCCESS;
    loop_stop(&p->sim.loop);
}

static void watch_signals(struct program *p)
{
    uv_signal_init(&p->sim.loop.uv, &p->interrupt);
    uv_signal_init(&p->sim.loop.uv, &p->terminate);
    p->interrupt.data = p->terminate.data = p;
    uv_signal_start(&p->interrupt, on_signal, SIGINT);
    uv_signal_start(&p->terminate, on_signal, SIGTERM);
}

/* A fleet of a thousand needs two descriptors a charger. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start(struct program *p)
{
    struct problems problems;
    problems_init(&problems);
    int r = start_chargers(p, &problems);
    if (r == 0)
        r = load_script(p, &problems);
    print_problems(&problems);
    problems_done(&problems);
    return r < 0 ? r : start_control(p);
}

int main(int argc, char **argv)
{
    static struct program program; /* the root */
    struct program *p = &program;
    int r = read_options(argc, argv, &p->options);
    if (r <= 0)
        return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    r = loop_init(&p->sim.loop);
    if (r < 0)
        return refuse("loop", err_text(r)), EXIT_FAILURE;
    list_init(&p->sim.chargers);
    list_init(&p->sim.lines);
    p->sim.speed = p->options.speed;
    p->sim.quiet = p->options.quiet;
    watch_signals(p);

    p->sim.exit_code = EXIT_USAGE;
    if (start(p) == 0) {
        p->sim.exit_code = EXIT_SUCCESS;
        printf("ready\n");
        if (has_terminal() && !p->options.once)
            (void)sessions_add_terminal(p->sessions);
        if (p->script)
            script_start(p->script, on_script_done, p);
        loop_run(&p->sim.loop);
    }
    script_free(p->script);
    sessions_free(p->sessions);
    sim_free_chargers(&p->sim);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    uv_close((uv_handle_t *)&p->terminate, NULL);
    loop_done(&p->sim.loop);
    return p->sim.exit_code;
}
