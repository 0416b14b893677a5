/* Connecting to the CSMS, again and again.
 *
 *     IDLE -> WAITING -> CONNECTING -> UP -> CLOSING (we end it) or WAITING (it was lost) */
#include "station/network.h"

#include "base/log.h"
#include "station/internal.h"

const char *const link_state_names[] = { "idle", "waiting", "connecting", "up", "closing" };

/* After so many CALLs without a sign of life the link is taken for deaf and made anew (Part 2, 3.2); some CSMSs go on answering an
 * older socket of the same identity. */
#define TIMEOUTS_MAX 3
/* ... the last of them a heartbeat: that one message is not answered (TC_E_41) does not make a link deaf. */
#define TIMEOUTS_PROBE 2
/* So long the first connection waits for the devices: B01.FR.05 wants the state of every connector right after the boot, and one that
 * nobody asked yet would be reported Unavailable, and Available a moment later. */
#define DEVICES_MAX_MS 5000

static void set_state(struct station *s, enum link_state state, const char *why)
{
    if (s->network.state != state)
        log_debug(LOG_STATION, "link: station=%s %s -> %s: %s", s->id, link_state_names[s->network.state],
                  link_state_names[state], why);
    s->network.state = state;
}

static int64_t ping_interval_ms(const struct station *s)
{
    return variable_int(s, VAR_COMM_WEB_SOCKET_PING_INTERVAL) * 1000;
}

/* Part 4, 5.3: WaitMinimum plus a random part first; then RepeatTimes times twice the wait before plus a new random part; then
 * always the last one. */
static int64_t next_back_off_ms(struct station *s)
{
    struct network *n = &s->network;
    int64_t range_s = variable_int(s, VAR_COMM_RETRY_BACK_OFF_RANDOM_RANGE);
    int64_t random_ms = range_s > 0 ? env_random(s->env, (uint32_t)(range_s * 1000) + 1) : 0;

    if (n->attempts == 0)
        n->back_off_ms = variable_int(s, VAR_COMM_RETRY_BACK_OFF_WAIT_MINIMUM) * 1000 + random_ms;
    else if (n->attempts <= variable_int(s, VAR_COMM_RETRY_BACK_OFF_REPEAT_TIMES))
        n->back_off_ms = n->back_off_ms * 2 + random_ms;
    n->attempts++;
    return n->back_off_ms;
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;

    s->network.awaits_devices = false;
    set_state(s, LINK_CONNECTING, "waited");
    const struct network_profile *profile = s->profiles.current;
    const struct own_certificate *own = profile->security_profile == 3 ? certificates_own(s) : NULL;
    char *trusted = NULL;
    if (certificates_trusted(s, &trusted) < 0) { /* not without knowing whom to trust */
        network_start(s, next_back_off_ms(s));
        return;
    }
    s->ops->connect(s->ctx, &(struct link_target){
                                .url = profile->url,
                                .security_profile = profile->security_profile,
                                .password = network_profiles_password(s),
                                .trusted_pem = trusted,
                                .allows_wildcards = variable_bool(s, VAR_SECURITY_ALLOW_CSMS_TLS_WILDCARDS),
                                .certificate_pem = own ? own->pem : NULL,
                                .key = own ? own->key : NULL,
                                .ping_interval_ms = ping_interval_ms(s) });
    free(trusted);
}

void network_start(struct station *s, int64_t delay_ms)
{
    set_state(s, LINK_WAITING, "start");
    env_timer_start(s->env, &s->network.timer, delay_ms);
}

static bool all_devices_are_heard(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (!s->evses[i].is_heard)
            return false;
    return true;
}

void network_first_start(struct station *s, int64_t delay_ms)
{
    struct network *n = &s->network;
    n->awaits_devices = !all_devices_are_heard(s);
    n->first_ms = env_now_ms(s->env) + delay_ms;
    network_start(s, n->awaits_devices && delay_ms < DEVICES_MAX_MS ? DEVICES_MAX_MS : delay_ms);
}

void network_on_device_heard(struct station *s)
{
    struct network *n = &s->network;
    int64_t now_ms = env_now_ms(s->env);
    if (!n->awaits_devices || n->state != LINK_WAITING || !all_devices_are_heard(s))
        return;
    n->awaits_devices = false;
    timer_start_at(&n->timer, n->first_ms > now_ms ? n->first_ms : now_ms);
}

static void close_link(struct station *s, int64_t reopen_ms)
{
    struct network *n = &s->network;

    timer_stop(&n->timer);
    n->reopen_ms = reopen_ms;
    if (n->state == LINK_UP || n->state == LINK_CONNECTING) {
        set_state(s, LINK_CLOSING, "asked for");
        s->ops->disconnect(s->ctx);
    }
}

void network_stop(struct station *s)
{
    close_link(s, -1);
    if (s->network.state != LINK_CLOSING)
        set_state(s, LINK_IDLE, "stop");
}

void network_reconnect(struct station *s, int64_t delay_ms)
{
    close_link(s, delay_ms);
    if (s->network.state != LINK_CLOSING)
        network_start(s, delay_ms);
}

void network_on_link_up(struct station *s)
{
    struct network *n = &s->network;
    if (n->state == LINK_CLOSING) /* came up while it was being closed: the close follows */
        return;

    set_state(s, LINK_UP, "connected");
    n->told_failure = -1;
    n->timeouts = 0;
    n->attempts = 0; /* Part 4 errata: the back-off starts over after a successful connection */
    certificates_on_link_up(s, s->profiles.current->security_profile);
    network_profiles_on_link_up(s);
}

/* Another profile is tried at once; but many stations turn to it together (Part 4, 5.3). */
static int64_t next_wait_ms(struct station *s, enum link_failure failure)
{
    if (certificates_on_failure(s, failure, network_profiles_is_migrating(s)))
        return 0;
    if (!network_profiles_on_failure(s, failure))
        return next_back_off_ms(s);
    int64_t range_s = variable_int(s, VAR_COMM_RETRY_BACK_OFF_RANDOM_RANGE);
    return range_s > 0 ? env_random(s->env, (uint32_t)(range_s * 1000) + 1) : 0;
}

void network_on_link_down(struct station *s, enum link_failure failure)
{
    struct network *n = &s->network;

    if (n->down_since_ms < 0)
        n->down_since_ms = env_now_ms(s->env);
    switch (n->state) {
    case LINK_CLOSING:
        if (n->reopen_ms < 0)
            set_state(s, LINK_IDLE, "closed");
        else
            network_start(s, n->reopen_ms);
        break;
    case LINK_UP:
        network_start(s, next_back_off_ms(s));
        break;
    case LINK_CONNECTING:
        network_start(s, next_wait_ms(s, failure));
        break;
    case LINK_IDLE:
    case LINK_WAITING:
        break;
    }
}

void network_on_heard(struct station *s)
{
    s->network.timeouts = 0;
}

void network_on_timeout(struct station *s)
{
    if (!network_is_up(s))
        return;
    if (++s->network.timeouts == TIMEOUTS_PROBE)
        provisioning_probe(s);
    if (s->network.timeouts < TIMEOUTS_MAX)
        return;
    log_warn(LOG_STATION, "the CSMS does not answer, connecting anew: station=%s", s->id);
    network_reconnect(s, 0);
}

void network_ping_interval_changed(struct station *s)
{
    if (network_is_up(s) && s->ops->set_ping_interval)
        s->ops->set_ping_interval(s->ctx, ping_interval_ms(s));
}

bool network_is_up(const struct station *s)
{
    return s->network.state == LINK_UP;
}

void network_init(struct station *s)
{
    s->network.down_since_ms = env_now_ms(s->env);
    s->network.told_failure = -1;
    timer_init(&s->network.timer, s->env->timers, on_timer, s);
}

void network_done(struct station *s)
{
    if (s->network.timer.timers)
        timer_stop(&s->network.timer);
}
