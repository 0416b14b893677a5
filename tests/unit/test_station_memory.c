/* A station short of memory: sessions are driven again and again, and each time another allocation fails. Whatever fails,
 *
 *   nothing crashes and nothing leaks,
 *   the device is started only for who was authorized, and is stopped in the end,
 *   each Started gets its one Ended with the last reading, in an unbroken sequence.
 *
 * The linker puts our allocators before the real ones (CMakeLists.txt); only what is allocated inside of a call into the station counts.
 * MEMORY_STEP=1 lets every single one fail, which takes minutes; MEMORY_FAIL=n only the n-th. */
#include "tests/support/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/internal.h"
#include "tests/support/authority.h"

#define STEP 23 /* of the allocations, one in so many fails in the usual run */

static struct {
    bool inside;         /* a call into the station is on its way */
    long count, fail_at; /* allocations made inside; which one fails */
    long live;           /* blocks not freed */
} memory;

static bool is_refused(void)
{
    return memory.inside && ++memory.count == memory.fail_at;
}

static void *counted(void *block)
{
    memory.live += block != NULL;
    return block;
}

/* The names are the linker's: --wrap=malloc turns malloc into __wrap_malloc and __real_malloc into malloc. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
#define WRAP(type, name, parameters)                                                                         \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters

WRAP(void *, malloc, (size_t size))
{
    return is_refused() ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, (size_t count, size_t size))
{
    return is_refused() ? NULL : counted(__real_calloc(count, size));
}

WRAP(void *, realloc, (void *block, size_t size))
{
    if (is_refused())
        return NULL;
    void *moved = __real_realloc(block, size);
    memory.live += moved && !block;
    return moved;
}

WRAP(char *, strdup, (const char *text))
{
    return is_refused() ? NULL : counted(__real_strdup(text));
}

WRAP(char *, strndup, (const char *text, size_t size))
{
    return is_refused() ? NULL : counted(__real_strndup(text, size));
}

WRAP(void, free, (void *block))
{
    memory.live -= block != NULL;
    __real_free(block);
}

/* jansson 2.14 does not outlive a lack of memory while it parses: a text is parsed or not. */
WRAP(json_t *, json_from_text, (const char *text, size_t len))
{
    bool was_inside = memory.inside;
    if (is_refused())
        return NULL;
    memory.inside = false;
    json_t *json = __real_json_from_text(text, len);
    memory.inside = was_inside;
    return json;
}

#define INTO_STATION(name, parameters, arguments)                                                            \
    WRAP(void, name, parameters)                                                                             \
    {                                                                                                        \
        memory.inside = true;                                                                                \
        __real_##name arguments;                                                                             \
        memory.inside = false;                                                                               \
    }

INTO_STATION(station_free, (struct station * s), (s))
INTO_STATION(station_start, (struct station * s, int64_t delay_ms), (s, delay_ms))
INTO_STATION(station_stop, (struct station * s), (s))
INTO_STATION(station_on_link_up, (struct station * s), (s))
INTO_STATION(station_on_link_down, (struct station * s, enum link_failure f, const char *t), (s, f, t))
INTO_STATION(station_on_frame, (struct station * s, const char *text, size_t len), (s, text, len))
INTO_STATION(station_on_persisted, (struct station * s, uint32_t ticket, int err), (s, ticket, err))
INTO_STATION(station_on_signals, (struct station * s, int e, const struct evse_signals *i), (s, e, i))
INTO_STATION(station_on_id_token, (struct station * s, int e, const struct id_token *t), (s, e, t))
INTO_STATION(station_on_command_done, (struct station * s, int e, const struct evse_command *c, int err),
             (s, e, c, err))
INTO_STATION(station_on_device_variable, (struct station * s, int e, size_t i, const struct device_value *v),
             (s, e, i, v))
INTO_STATION(station_on_csr, (struct station * s, uint32_t t, const char *c, const char *k, int e),
             (s, t, c, k, e))
INTO_STATION(station_on_log_uploaded, (struct station * s, int err), (s, err))
INTO_STATION(station_on_firmware_done, (struct station * s, uint32_t t, enum firmware_outcome o), (s, t, o))
INTO_STATION(timers_run, (struct timers * t, int64_t now_ms), (t, now_ms))

WRAP(int, station_set_external_limit, (struct station * s, const struct external_limit *limit))
{
    memory.inside = true;
    int r = __real_station_set_external_limit(s, limit);
    memory.inside = false;
    return r;
}

WRAP(int, station_release_external_limit, (struct station * s, int evse, enum limit_source source))
{
    memory.inside = true;
    int r = __real_station_release_external_limit(s, evse, source);
    memory.inside = false;
    return r;
}

/* ---- the world, called back from inside of the station ---- */

static const struct station_ops *world;

static int op_send(void *ctx, const char *text, size_t len)
{
    memory.inside = false;
    int r = world->send(ctx, text, len);
    memory.inside = true;
    return r;
}

static int op_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    memory.inside = false;
    int r = world->persist(ctx, records, count, ticket);
    memory.inside = true;
    return r;
}

static void op_command(void *ctx, int evse, const struct evse_command *command)
{
    memory.inside = false;
    world->command(ctx, evse, command);
    memory.inside = true;
}

static void op_connect(void *ctx, const struct link_target *target)
{
    memory.inside = false;
    world->connect(ctx, target);
    memory.inside = true;
}

static void op_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket)
{
    memory.inside = false;
    world->make_csr(ctx, request, ticket);
    memory.inside = true;
}

static int op_upload_log(void *ctx, const struct log_request *request)
{
    memory.inside = false;
    int r = world->upload_log(ctx, request);
    memory.inside = true;
    return r;
}

static void op_cancel_log(void *ctx)
{
    memory.inside = false;
    world->cancel_log(ctx);
    memory.inside = true;
}

static int op_firmware(void *ctx, const struct firmware_job *job)
{
    memory.inside = false;
    int r = world->firmware(ctx, job);
    memory.inside = true;
    return r;
}

static struct station_ops ops;

WRAP(struct station *, station_new,
     (const struct env *env, const struct station_settings *settings, const struct station_ops *original,
      void *ctx))
{
    world = original;
    ops = *original;
    ops.connect = op_connect;
    ops.make_csr = op_make_csr;
    ops.send = op_send;
    ops.persist = op_persist;
    ops.upload_log = op_upload_log;
    ops.cancel_log = op_cancel_log;
    ops.command = op_command;
    ops.firmware = op_firmware;
    memory.inside = true;
    struct station *s = __real_station_new(env, settings, &ops, ctx);
    if (!s) /* that was the one that failed */
        s = __real_station_new(env, settings, &ops, ctx);
    memory.inside = false;
    return s;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- the sessions ---- */

static struct authority *root, *below; /* the root has signed it, and a responder is named */

struct run {
    struct bench *b;
    json_t *transactions; /* id -> array of events as acknowledged */
    bool started;         /* the device was told to */
    bool allowed;         /* it may be */
    double register_Wh;
};

static void on_answered(struct bench *b, const char *action, const json_t *payload, bool is_result)
{
    struct run *run = b->user;
    if (!str_equal(action, "TransactionEvent") || !is_result)
        return;
    const char *id = json_get_string(json_object_get(payload, "transactionInfo"), "transactionId", "");
    if (!json_object_get(run->transactions, id))
        json_object_set_new(run->transactions, id, json_array());
    json_t *events = json_object_get(run->transactions, id);
    if (json_get_int(payload, "seqNo", -1) !=
        (int64_t)json_array_size(events) - 1) /* else sent again: our answer was not understood */
        json_array_append_new(events, json_deep_copy(payload));
}

/* The device obeys. */
static void settle(struct run *run)
{
    struct bench *b = run->b;
    for (bench_settle(b); json_array_size(b->commands) > 0; bench_settle(b)) {
        int64_t kind = json_integer_value(json_array_get(json_array_get(b->commands, 0), 1));
        json_array_remove(b->commands, 0);
        json_array_clear(b->calls);
        if (kind == EVSE_START) {
            assert_true(run->allowed);
            run->started = true;
            bench_state(b, 1, EVSE_CHARGING);
        } else if (kind == EVSE_STOP) {
            run->started = false;
            if (b->signals[0].state == EVSE_CHARGING)
                bench_state(b, 1, EVSE_CONNECTED);
        }
    }
}

static void pass(struct run *run, int64_t ms)
{
    settle(run);
    for (; ms > 0; ms -= 20000) {
        bench_advance(run->b, ms < 20000 ? ms : 20000);
        if (run->b->signals[0].state == EVSE_CHARGING)
            bench_measure(run->b, 1, MEASURE_ENERGY_IMPORT, run->register_Wh += 100);
        settle(run);
    }
}

static void state(struct run *run, enum evse_state state)
{
    bench_state(run->b, 1, state);
    settle(run);
}

static void tap(struct run *run, const char *card)
{
    bench_token(run->b, 1, card, "ISO14443");
    settle(run);
}

static void ask(struct run *run, const char *action, const char *payload)
{
    char frame[4000];
    (void)snprintf(frame, sizeof(frame), "[2,'q%d','%s',%s]", run->b->next_call++, action, payload);
    for (char *c = frame; *c; c++)
        if (*c == '\'')
            *c = '"';
    bench_frame(run->b, frame);
    settle(run);
}

static void a_stranger_is_sent_away(struct run *run)
{
    bench_answer(run->b, "Authorize", "{'idTokenInfo': {'status': 'Invalid'}}");
    state(run, EVSE_CONNECTED);
    tap(run, "04FFFFFF");
    pass(run, 60000);
    bench_answer(run->b, "Authorize", "");
}

static void a_lock_fails_for_a_while(struct run *run)
{
    for (int fails = 1; fails >= 0; fails--) {
        run->b->signals[0].lock_failed = fails;
        bench_signals(run->b, 1);
        pass(run, 20000);
    }
}

static void a_card_charges_through_an_outage(struct run *run)
{
    run->allowed = true;
    for (int i = 0; i < 3 && !run->started; i++) {
        tap(run, CARD);
        pass(run, 20000);
    }
    ask(run, "SetChargingProfile",
        "{'evseId':1,'chargingProfile':{'id':1,'stackLevel':0,'chargingProfilePurpose':'TxDefaultProfile',"
        "'chargingProfileKind':'Relative','chargingSchedule':[{'id':1,'chargingRateUnit':'A',"
        "'chargingSchedulePeriod':[{'startPeriod':0,'limit':16},{'startPeriod':60,'limit':10}]}]}}");
    ask(run, "CustomerInformation", /* while it charges */
        "{'requestId':1,'report':false,'clear':true,'idToken':{'idToken':'" CARD "','type':'ISO14443'}}");
    bench_link_lost(run->b);
    pass(run, 100000);
    bench_link_back(run->b);
    pass(run, 100000);
    ask(run, "TriggerMessage", "{'requestedMessage':'TransactionEvent'}");
    tap(run, CARD);
    if (run->started) /* the card was not understood */
        tap(run, CARD);
    run->allowed = false;
    pass(run, 60000);
    state(run, EVSE_AVAILABLE);
    pass(run, 60000);
}

/* Started without a link and with the host's clock in 1970. */
static void a_vehicle_comes_before_anyone_told_the_time(struct run *run)
{
    run->b->wall_offset_ms = -BENCH_WALL_MS;
    run->b->link_available = false;
    bench_start(run->b);
    pass(run, 20000);
    state(run, EVSE_CONNECTED);
    pass(run, 20000);
    run->b->link_available = true;
    pass(run, 90000); /* a boot may have to be tried again */
    state(run, EVSE_AVAILABLE);
}

static void certificates_come_and_go(struct run *run)
{
    struct bench *b = run->b;
    char text[3000];
    (void)snprintf(text, sizeof(text), "{'certificateType':'CSMSRootCertificate','certificate':'%s'}",
                   authority_escaped(authority_pem(root)));
    ask(run, "InstallCertificate", text);
    (void)snprintf(text, sizeof(text), "{'certificateType':'V2GRootCertificate','certificate':'%s'}",
                   authority_escaped(authority_pem(below)));
    AUTO_FREE char *response = authority_ocsp(root, authority_pem(below),
                                              &(struct authority_ocsp){ .this_update_ms = BENCH_WALL_MS });
    char status[2000];
    (void)snprintf(status, sizeof(status), "{'status':'Accepted','ocspResult':'%s'}", response);
    bench_answer(b, "GetCertificateStatus", status);
    ask(run, "InstallCertificate", text); /* whose status is asked for */
    pass(run, 60000);
    ask(run, "GetInstalledCertificateIds", "{}");
    ask(run, "TriggerMessage", "{'requestedMessage':'SignChargingStationCertificate'}");
    pass(run, 20000);
    char *chain = b->csr ? authority_sign(root, b->csr, NULL) : strdup("nonsense");
    (void)snprintf(text, sizeof(text), "{'certificateChain':'%s'}", authority_escaped(chain));
    ask(run, "CertificateSigned", text);
    free(chain);
    struct pki_hash_data hash = { 0 };
    (void)pki_hash_certificate(authority_pem(root), NULL, PKI_SHA256, &hash);
    (void)snprintf(
        text, sizeof(text),
        "{'certificateHashData':{'hashAlgorithm':'SHA256','issuerNameHash':'%s','issuerKeyHash':'%s',"
        "'serialNumber':'%s'}}",
        hash.issuer_name_hash, hash.issuer_key_hash, hash.serial_number);
    ask(run, "DeleteCertificate", text);
    ask(run, "SetNetworkProfile",
        "{'configurationSlot':2,'connectionData':{'ocppVersion':'OCPP20','ocppTransport':'JSON','ocppCsmsUrl'"
        ":"
        "'ws://other.example/','messageTimeout':35,'securityProfile':0,'ocppInterface':'Wired0'}}");
    ask(run, "SetVariables",
        "{'setVariableData':[{'component':{'name':'OCPPCommCtrlr'},'variable':{'name':"
        "'NetworkConfigurationPriority'},'attributeValue':'2,1'}]}");
}

static void firmware_is_updated(struct run *run)
{
    static const enum firmware_outcome outcomes[] = { FIRMWARE_FAILED, FIRMWARE_NOT_SUITABLE, FIRMWARE_DONE };
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
        run->b->firmware_outcomes[i == 0 ? FIRMWARE_DOWNLOAD : FIRMWARE_INSTALL] = outcomes[i];
        ask(run, "UpdateFirmware",
            "{'requestId':1,'retries':0,'firmware':{'location':'http://files.example/image',"
            "'retrieveDateTime':'2026-01-31T12:00:00Z'}}");
        pass(run, 60000);
        run->b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_DONE;
    }
    ask(run, "UpdateFirmware",
        "{'requestId':2,'firmware':{'location':'http://files.example/image','retrieveDateTime':"
        "'2026-01-31T12:00:00Z','signingCertificate':'none','signature':'AA=='}}");
    ask(run, "TriggerMessage", "{'requestedMessage':'FirmwareStatusNotification'}");
    pass(run, 60000);
}

#define STATION_MAX(id, limit)                                                                               \
    "{'evseId':0,'chargingProfile':{'id':" #id ",'stackLevel':0,'chargingProfilePurpose':"                   \
    "'ChargingStationMaxProfile','chargingProfileKind':'Recurring','recurrencyKind':'Daily',"                \
    "'chargingSchedule':[{'id':1,'startSchedule':'2026-01-01T00:00:00Z','chargingRateUnit':'W',"             \
    "'chargingSchedulePeriod':[{'startPeriod':0,'limit':" #limit "}]}]}}"

/* A limit that was not taken changes nothing, and can be raised again. */
static void limits_come_from_outside(struct run *run)
{
    static const struct external_period later[] = { { 60, 8 } };
    const struct external_limit limits[] = {
        { .limit = 16, .later = later, .later_count = 1, .duration_s = 40 },
        { .evse = 1, .source = LIMIT_SOURCE_SO, .in_watts = true, .limit = 9000 },
        { .source = LIMIT_SOURCE_OTHER, .limit = 20, .is_renewed = true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        int r = station_set_external_limit(run->b->station, &limits[i]);
        assert_true(r == 0 || r == -ENOMEM);
        settle(run);
    }
    ask(run, "GetChargingProfiles", "{'requestId':3,'chargingProfile':{'chargingLimitSource':['SO']}}");
    pass(run, 60000);
    for (int source = 0; source < LIMIT_SOURCE_CSO; source++)
        for (int evse = 0; evse < 2; evse++)
            (void)station_release_external_limit(run->b->station, evse, (enum limit_source)source);
    pass(run, 20000);
}

static void charging_profiles_come_and_go(struct run *run)
{
    ask(run, "SetChargingProfile", STATION_MAX(10, 11000));
    ask(run, "SetChargingProfile", STATION_MAX(10, 12000));
    ask(run, "SetChargingProfile", STATION_MAX(11, 9000)); /* a duplicate */
    ask(run, "GetCompositeSchedule", "{'evseId':1,'duration':86400,'chargingRateUnit':'W'}");
    ask(run, "GetCompositeSchedule", "{'evseId':0,'duration':86400}");
    ask(run, "GetChargingProfiles", "{'requestId':1,'chargingProfile':{}}");
    ask(run, "GetChargingProfiles", "{'requestId':2,'chargingProfile':{'chargingLimitSource':['CSO']}}");
    pass(run, 20000);
    ask(run, "ClearChargingProfile", "{'chargingProfileCriteria':{'evseId':0}}");
}

#define MESSAGE(id, priority, text)                                                                          \
    "{'message':{'id':" id ",'priority':'" priority                                                          \
    "','message':{'format':'UTF8','language':'en','content':'" text "'}}}"

static void messages_and_costs_come_and_go(struct run *run)
{
    struct bench *b = run->b;
    ask(run, "SetVariables",
        "{'setVariableData':[{'component':{'name':'TariffCostCtrlr'},'variable':{'name':"
        "'TariffFallbackMessage'},'attributeValue':'0.59 EUR/kWh'}]}");
    ask(run, "SetDisplayMessage", MESSAGE("1", "NormalCycle", "A text that needs two pages"));
    ask(run, "SetDisplayMessage", MESSAGE("2", "AlwaysFront", "first"));
    ask(run, "SetDisplayMessage", MESSAGE("3", "AlwaysFront", "second"));
    ask(run, "GetDisplayMessages", "{'requestId':1}");
    pass(run, 20000);
    ask(run, "ClearDisplayMessage", "{'id':3}");
    bench_answer(b, "Authorize",
                 "{'idTokenInfo':{'status':'Blocked','language1':'en','personalMessage':{'format':'UTF8',"
                 "'content':'Please call us'}}}");
    tap(run, "04FFFFFE");
    pass(run, 20000);
    bench_answer(b, "Authorize", "");
    bench_answer(b, "TransactionEvent",
                 "{'totalCost':1.5,'updatedPersonalMessage':{'format':'UTF8','content':'0.39 EUR/kWh'}}");
    state(run, EVSE_CONNECTED);
    run->allowed = true;
    tap(run, CARD);
    pass(run, 20000);
    char text[100];
    (void)snprintf(text, sizeof(text), "{'totalCost':2,'transactionId':'%s'}", b->station->evses[0].tx.id);
    ask(run, "CostUpdated", text);
    pass(run, 20000);
    tap(run, CARD);
    if (run->started) /* the card was not understood */
        tap(run, CARD);
    run->allowed = false;
    pass(run, 60000);
    state(run, EVSE_AVAILABLE);
    bench_answer(b, "TransactionEvent", "");
    pass(run, 80000);
    ask(run, "ClearDisplayMessage", "{'id':1}");
}

static void lists_and_reservations_come_and_go(struct run *run)
{
    ask(run, "SendLocalList",
        "{'versionNumber':1,'updateType':'Full','localAuthorizationList':[{'idToken':{'idToken':'04AA','type'"
        ":"
        "'ISO14443'},'idTokenInfo':{'status':'Accepted','language1':'ja','groupIdToken':{'idToken':'G','type'"
        ":"
        "'Central'}}},{'idToken':{'idToken':'04BB','type':'ISO14443'},'idTokenInfo':{'status':'Blocked'}}]}");
    ask(run, "SendLocalList",
        "{'versionNumber':2,'updateType':'Differential','localAuthorizationList':[{'idToken':{'idToken':'"
        "04AA',"
        "'type':'ISO14443'}}]}");
    ask(run, "GetLocalListVersion", "{}");
    ask(run, "ReserveNow",
        "{'id':1,'evseId':1,'expiryDateTime':'2026-03-01T00:00:00Z','idToken':{'idToken':'04BB','type':"
        "'ISO14443'}}");
    ask(run, "ReserveNow",
        "{'id':1,'expiryDateTime':'2026-03-01T00:00:00Z','idToken':{'idToken':'04BB','type':'ISO14443'}}");
    pass(run, 1000);
    ask(run, "CancelReservation", "{'reservationId':1}");
    ask(run, "SendLocalList", "{'versionNumber':3,'updateType':'Full'}");
}

#define EVSE_1 "'component':{'name':'EVSE','evse':{'id':1}},'variable':"

static void monitors_come_and_go(struct run *run)
{
    ask(run, "SetVariableMonitoring",
        "{'setMonitoringData':[{'value':1,'type':'Delta','severity':5," EVSE_1
        "{'name':'AvailabilityState'}},"
        "{'value':2,'type':'Periodic','severity':2," EVSE_1 "{'name':'AvailabilityState'}},"
        "{'value':9,'type':'UpperThreshold','severity':5,'component':{'name':'OCPPCommCtrlr'},'variable':"
        "{'name':'OfflineThreshold'}},{'value':1,'type':'Delta','severity':5," EVSE_1
        "{'name':'Nonsense'}}]}");
    ask(run, "GetMonitoringReport",
        "{'requestId':1,'monitoringCriteria':['DeltaMonitoring','PeriodicMonitoring']}");
    state(run, EVSE_FAULTED);
    pass(run, 3000);
    state(run, EVSE_AVAILABLE);
    pass(run, 3000);
    ask(run, "SetMonitoringLevel", "{'severity':4}");
    ask(run, "SetMonitoringLevel", "{'severity':9}");
    ask(run, "ClearVariableMonitoring", "{'id':[1,2,100001,4711]}");
    ask(run, "SetMonitoringBase", "{'monitoringBase':'HardWiredOnly'}");
    ask(run, "SetMonitoringBase", "{'monitoringBase':'All'}");
}

static void a_device_tells_of_itself(struct run *run)
{
    for (int i = 0; i < 2; i++) {
        bench_device_text(run->b, 1, 0, i ? "hot" : "well");
        bench_device_number(run->b, 0, 0, i ? 95 : 40);
        pass(run, 2000);
    }
    ask(run, "GetVariables",
        "{'getVariableData':[{'component':{'name':'Controller','evse':{'id':1}},'variable':{'name':'State'}}]"
        "}");
    bench_device_no_value(run->b, 1, 0);
    bench_device_number(run->b, 0, 0, 40);
    pass(run, 2000);
}

static void logs_are_sent_and_customers_forgotten(struct run *run)
{
    for (int i = 0; i < 2; i++) /* the second takes the place of the first */
        ask(run, "GetLog",
            "{'logType':'SecurityLog','requestId':1,'retries':1,'log':{'remoteLocation':'http://"
            "files.example/'}}");
    for (int i = 0; i < 2 && run->b->log_request; i++) {
        bench_log_uploaded(run->b, i ? 0 : -EIO);
        pass(run, 60000);
    }
    ask(run, "TriggerMessage", "{'requestedMessage':'LogStatusNotification'}");
    for (int i = 0; i < 2; i++) {
        ask(run, "CustomerInformation",
            "{'requestId':2,'report':true,'clear':true,'idToken':{'idToken':'" CARD "','type':'ISO14443'}}");
        pass(run, 20000);
    }
}

static void a_remote_start_goes_on_after_a_power_cut(struct run *run)
{
    state(run, EVSE_CONNECTED);
    run->allowed = true;
    for (int i = 0; i < 3 && !run->started; i++) {
        ask(run, "RequestStartTransaction",
            "{'evseId':1,'remoteStartId':7,'idToken':{'idToken':'APP','type':'Central'},'chargingProfile':"
            "{'id':2,'stackLevel':1,'chargingProfilePurpose':'TxProfile','chargingProfileKind':'Relative',"
            "'chargingSchedule':[{'id':2,'chargingRateUnit':'W','chargingSchedulePeriod':"
            "[{'startPeriod':0,'limit':6900}]}]}}");
        pass(run, 20000);
    }
    pass(run, 60000);
    bench_restart(run->b);
    pass(run, 120000);
    ask(run, "SetVariables",
        "{'setVariableData':[{'component':{'name':'TxCtrlr'},'variable':{'name':'EVConnectionTimeOut'},"
        "'attributeValue':'90'}]}");
    ask(run, "GetBaseReport", "{'requestId':1,'reportBase':'SummaryInventory'}");
    ask(run, "GetReport",
        "{'requestId':2,'componentCriteria':['Problem','Enabled'],'componentVariable':[{'component':{'name':"
        "'TokenReader'}}]}");
    ask(run, "GetVariables",
        "{'getVariableData':[{'component':{'name':'EVSE','evse':{'id':1}},'variable':{'name':'Power'}}]}");
    ask(run, "ClearCache", "{}"); /* what the cards before left behind */
    ask(run, "ChangeAvailability", "{'operationalStatus':'Inoperative'}");
    ask(run, "ChangeAvailability", "{'operationalStatus':'Operative'}");
    ask(run, "UnlockConnector", "{'evseId':1,'connectorId':1}");
    ask(run, "Reset", "{'type':'Immediate'}");
    run->allowed = false;
    pass(run, 120000);
    state(run, EVSE_AVAILABLE);
}

static double last_register(const json_t *event)
{
    const json_t *values = json_object_get(event, "meterValue");
    const json_t *samples =
        json_object_get(json_array_get(values, json_array_size(values) - 1), "sampledValue");
    return json_get_number(json_array_get(samples, 0), "value", -1);
}

static void check(const struct run *run)
{
    const char *id;
    json_t *events;
    json_object_foreach(run->transactions, id, events)
    {
        size_t count = json_array_size(events);
        for (size_t i = 0; i < count; i++) {
            const json_t *event = json_array_get(events, i);
            const char *type = json_get_string(event, "eventType", "");
            if (json_get_int(event, "seqNo", -1) != (int64_t)i || str_equal(type, "Started") != (i == 0) ||
                str_equal(type, "Ended") != (i == count - 1))
                fail_msg("allocation %ld: event %zu of %zu is %s", memory.fail_at, i, count, type);
        }
        if (last_register(json_array_get(events, count - 1)) < 0)
            fail_msg("allocation %ld: an end without a reading", memory.fail_at);
    }
    if (run->started)
        fail_msg("allocation %ld: the device is left started", memory.fail_at);
}

static const struct device_variable state_word = { .component = "Controller",
                                                   .variable = "State",
                                                   .type = DEVICE_STRING,
                                                   .monitors = { { MONITOR_DELTA, 1, 8, false } },
                                                   .monitor_count = 1 };
static const struct device_variable temperature = { .component = "TemperatureSensor",
                                                    .variable = "Temperature",
                                                    .unit = "Celsius",
                                                    .monitors = { { MONITOR_UPPER_THRESHOLD, 90, 4, false } },
                                                    .monitor_count = 1 };

/* Returns how many allocations the station made. */
static long live_through(long fail_at)
{
    long live = memory.live;
    memory.count = 0;
    memory.fail_at = fail_at;
    struct run run = { .transactions = json_object() };
    struct evse_abilities abilities = bench_abilities();
    abilities.lock_failure = abilities.display = abilities.display_utf8 = true;
    abilities.display_length = 20;
    abilities.variables = &state_word;
    abilities.variable_count = 1;
    run.b = bench_new(
        &(struct bench_options){ .abilities = abilities,
                                 .firmware = { .is_possible = true, .takes_unsigned = true },
                                 .presets = { { "TxCtrlr", "TxStartPoint", NULL, "EVConnected,Authorized" },
                                              { "AlignedDataCtrlr", "Interval", NULL, "0" },
                                              { "TxCtrlr", "EVConnectionTimeOut", NULL, "600" } },
                                 .preset_count = 3,
                                 .variables = &temperature,
                                 .variable_count = 1 });
    run.b->user = &run;
    run.b->on_answered = on_answered;
    run.b->signals[0].measures = 1u << MEASURE_ENERGY_IMPORT;
    a_vehicle_comes_before_anyone_told_the_time(&run);
    certificates_come_and_go(&run);
    firmware_is_updated(&run);
    a_stranger_is_sent_away(&run);
    a_lock_fails_for_a_while(&run);
    a_card_charges_through_an_outage(&run);
    charging_profiles_come_and_go(&run);
    limits_come_from_outside(&run);
    messages_and_costs_come_and_go(&run);
    lists_and_reservations_come_and_go(&run);
    a_device_tells_of_itself(&run);
    monitors_come_and_go(&run);
    logs_are_sent_and_customers_forgotten(&run);
    a_remote_start_goes_on_after_a_power_cut(&run);

    pass(&run, 700000);
    check(&run);
    bench_free(run.b);
    json_decref(run.transactions);
    if (memory.live != live)
        fail_msg("allocation %ld: %ld blocks leak", fail_at, memory.live - live);
    return memory.count;
}

static void any_allocation_may_fail(void **unused)
{
    (void)unused;
    const char *only = getenv("MEMORY_FAIL"), *step = getenv("MEMORY_STEP");
    json_set_alloc_funcs(malloc, free);
    if (only) {
        (void)live_through(strtol(only, NULL, 10));
        return;
    }
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_setup(null, false); /* one error after the other */
    long count = live_through(0);
    for (long i = 1; i <= count; i += step ? strtol(step, NULL, 10) : STEP)
        (void)live_through(i);
    print_message("%ld allocations\n", count);
    log_setup(2, false);
    (void)close(null);
}

static int make_root(void **unused)
{
    (void)unused;
    root = authority_new(NULL);
    below = authority_new(&(struct authority_options){
        .name = "below", .signed_by = root, .responder = "http://ocsp.example/" });
    return 0;
}

static int free_root(void **unused)
{
    (void)unused;
    authority_free(below);
    authority_free(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_root, free_root);
}
