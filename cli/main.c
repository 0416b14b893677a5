/* ocpp-cli: what an installer and an operator ask of the gateway. Some commands stand alone; the rest speaks the gateway's HTTP API. */
#include <locale.h>

#include "change.h"
#include "check.h"
#include "command.h"
#include "completion.h"
#include "daemon.h"
#include "list.h"
#include "probe.h"
#include "profile_commands.h"
#include "scan.h"
#include "site.h"
#include "top.h"
#include "verify.h"

static const struct cli_option log_options[] = {
    { "follow", NULL, "what comes from now on", 'f' },
    { 0 },
};

const struct cli_command cli_commands[] = {
    { "overview", "", "the site in one look, and what needs attention", 0, 0, run_overview, NULL, "To see" },
    { "status", "", "stations, connectors, transactions, queues and buses, at length", 0, 0, run_status, NULL,
      NULL },
    { "stations", "", "stations, a line each", 0, 0, run_list, stations_options, NULL },
    { "station show", "STATION", "one station at length", 1, 1, run_station_show, NULL, NULL },
    { "top", "", "all chargers live: sort, filter and scroll by keys", 0, 0, run_top, top_options, NULL },
    { "watch", "[STATION]",
      "OCPP messages and device writes side by side, live; or a station's points and signals", 0, 1,
      run_watch, NULL, NULL },
    { "power", "[STATION]", "power of the site or of a station over time", 0, 1, run_power, power_options,
      NULL },
    { "transactions", "", "what was charged: running and ended, newest first", 0, 0, run_list,
      transactions_options, NULL },
    { "limits", "STATION", "limits of a station, which is in force, and whose it is", 1, 1, run_list, NULL,
      NULL },
    { "events", "", "what happened last, newest first", 0, 0, run_list, events_options, NULL },
    { "log", "-f", "follow the gateway's log", 0, 0, run_log, log_options, NULL },
    { "frames", "STATION", "the last frames of a station's devices", 1, 1, run_frames, NULL, NULL },
    { "buses", "", "buses and their counters", 0, 0, run_list, find_options, NULL },

    { "send", "STATION ACTION [JSON]", "put an OCPP request to a station as its CSMS would, print the answer",
      2, 3, run_send, NULL, "To operate" },
    { "limit", "STATION [EVSE] 16A|11kW|release", "limit charging by hand; release ends it", 2, 3, run_limit,
      limit_options, NULL },
    { "probe", "STATION|HOST[:PORT]|/dev/LINE read|write POINT|KIND ADDRESS|epc EPC [COUNT|VALUE ...]",
      "read or write one register, property or point of a device, safely", 3, 130, run_probe, probe_options,
      NULL },

    { "scan modbus", "HOST[:PORT]|/dev/LINE", "which units answer there, and which profiles they are like", 1,
      1, run_scan_modbus, scan_modbus_options, "To put chargers into operation" },
    { "scan echonet", "", "ECHONET Lite nodes, their objects and what chargers among them can do", 0, 0,
      run_scan_echonet, scan_echonet_options, NULL },
    { "trial", "PROFILE",
      "read a charger once that is not configured yet, by the gateway; nothing is written to it", 1, 1,
      run_trial, trial_options, NULL },
    { "verify", "STATION [EVSE]", "a guided acceptance test of a charger, with a report to hand over", 1, 2,
      run_verify, verify_options, NULL },
    { "station add", "[FILE]", "a new station: its entry as in gateway.yaml, or from standard input", 0, 1,
      run_station_add, NULL, NULL },
    { "station entry", "STATION", "its entry in gateway.yaml, passwords hidden", 1, 1, run_station_entry,
      NULL, NULL },
    { "station replace", "STATION [FILE]", "another entry for a station; a password *** stays", 1, 2,
      run_station_replace, NULL, NULL },
    { "station remove", "STATION", "removes a station", 1, 1, run_station_remove, station_remove_options,
      NULL },

    { "profiles list", "", "the gateway's device profiles, and who uses them", 0, 0, run_list,
      profiles_list_options, "Device profiles of the gateway" },
    { "profiles show", "PROFILE", "the text of a profile", 1, 1, run_profiles_show, NULL, NULL },
    { "profiles check", "FILE ...", "what the gateway says of profiles, before they are put", 1, 1000,
      run_profiles_check, NULL, NULL },
    { "profiles put", "FILE", "writes a profile to the gateway's directory and applies it", 1, 1,
      run_profiles_put, profiles_put_options, NULL },
    { "profiles remove", "PROFILE", "removes a profile of the gateway's directory", 1, 1, run_profiles_remove,
      NULL, NULL },

    { "profile list", "[FILE|DIR ...]", "device profiles and what they offer", 0, 1000, run_profile_list,
      profile_options, "Device profiles and configurations as files, without a gateway" },
    { "profile new", "NAME", "begin a device profile: NAME.yaml", 1, 1, run_profile_new, profile_new_options,
      NULL },
    { "profile check", "FILE|DIR ...", "check device profiles, with advice", 1, 1000, run_profile_check,
      profile_options, NULL },
    { "profile test", "FILE [CASES]", "run the cases of NAME.test.yaml against a device on paper", 1, 2,
      run_profile_test, profile_options, NULL },
    { "profile diff", "FILE FILE", "what differs, with all that they extend", 2, 2, run_profile_diff,
      profile_options, NULL },
    { "check", "[FILE ...]", "check configurations or device profiles, offline", 0, 1000, run_check, NULL,
      NULL },

    { "config show", "", "gateway.yaml", 0, 0, run_config_show, NULL, "Configuration" },
    { "config check", "FILE", "what is wrong with this gateway.yaml, and which stations it would change", 1,
      1, run_config_check, NULL, NULL },
    { "config diff", "FILE", "what it would change in the text", 1, 1, run_config_diff, NULL, NULL },
    { "config put", "FILE", "shows that, asks, writes and applies it", 1, 1, run_config_put,
      config_put_options, NULL },
    { "reload", "", "apply the changed configuration; only what changed restarts", 0, 0, run_reload, NULL,
      NULL },
    { "csms list", "", "connections to CSMSs", 0, 0, run_list, find_options, NULL },
    { "csms add", "NAME URL", "a new connection", 2, 2, run_csms_add, csms_add_options, NULL },
    { "csms remove", "CSMS", "removes a connection that no station uses", 1, 1, run_csms_remove, NULL, NULL },
    { "certificates list", "", "certificates in use", 0, 0, run_list, find_options, NULL },
    { "certificates set", "CERT KEY", "another certificate, PEM files, for the gateway's web pages and API",
      2, 2, run_certificates_set, NULL, NULL },

    { "users list", "", "users of the web pages and the API", 0, 0, run_list, find_options, "Who may" },
    { "users add", "NAME viewer|operator|admin",
      "a new user; the password is typed, or the first line of standard input", 2, 2, run_users_add, NULL,
      NULL },
    { "users role", "USER viewer|operator|admin", "another role", 2, 2, run_users_role, NULL, NULL },
    { "users password", "USER", "another password, as with `users add`", 1, 1, run_users_password, NULL,
      NULL },
    { "users remove", "USER", "removes a user", 1, 1, run_users_remove, NULL, NULL },
    { "tokens list", "", "tokens of machines", 0, 0, run_list, find_options, NULL },
    { "tokens add", "NAME viewer|operator|admin", "a new token, which is printed this once", 2, 2,
      run_tokens_add, tokens_add_options, NULL },
    { "tokens remove", "TOKEN", "removes a token: it counts no more", 1, 1, run_tokens_remove, NULL, NULL },
    { "audit", "", "who changed what, newest first", 0, 0, run_list, audit_options, NULL },
    { "whoami", "", "as whom the gateway sees this program", 0, 0, run_whoami, NULL, NULL },

    { "completion", "bash|zsh|fish", "a script by which the shell completes commands, options and names", 1,
      1000, run_completion, NULL, "This program" },
    { "man", "", "this program's manual page, for man(1)", 0, 0, run_man, NULL, NULL },
    { 0 },
};

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, ""); /* for the width of characters; numbers stay as they are */
    return cli_run(argc, argv);
}
