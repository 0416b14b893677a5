"""What those see who watch many gateways: /metrics, /healthz, /readyz."""
import math
import re
import time

import pytest

from harness import until
from management import Client, ManagedSite

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|Inf)|NaN")


def parse(text):
    """The text format of Prometheus, strictly: {name: (type, {labels: value})}."""
    assert text.endswith("\n")
    families, name, type_ = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = re.fullmatch(rf"# HELP ({NAME}) (.+)", line)[1]
            assert name not in families, f"{name} comes twice"
            families[name] = None
        elif line.startswith("# TYPE "):
            assert re.fullmatch(rf"# TYPE {name} (counter|gauge|histogram)", line), line
            assert families[name] is None, f"{name} has two types"
            type_ = line.split()[-1]
            families[name] = (type_, {})
        else:
            found = SAMPLE.fullmatch(line)
            assert found and NUMBER.fullmatch(found[7]), line
            suffix = found[1].removeprefix(name)
            assert suffix in (("_bucket", "_sum", "_count") if type_ == "histogram" else ("",)), f"{line} stands under {name}"
            pairs = re.findall(LABEL, found[2] or "")
            assert len({n for n, _ in pairs}) == len(pairs), line
            key = (suffix, *sorted(pairs))
            assert key not in families[name][1], f"{line} comes twice"
            families[name][1][key] = float(found[7])
    for name, (type_, samples) in families.items():
        check(name, type_, samples)
    return families


def check(name, type_, samples):
    if type_ == "counter":
        assert all(value >= 0 for value in samples.values()), name
    if type_ == "histogram":
        series = {tuple(p for p in key[1:] if p[0] != "le") for key in samples}
        for labels in series:
            buckets = sorted((float(dict(k[1:])["le"]), v) for k, v in samples.items() if k[0] == "_bucket" and tuple(p for p in k[1:] if p[0] != "le") == labels)
            assert buckets[-1][0] == math.inf and len(buckets) > 5
            assert [v for _, v in buckets] == sorted(v for _, v in buckets), f"{name} is not cumulative"
            assert buckets[-1][1] == samples["_count", *labels] and samples["_sum", *labels] >= 0


@pytest.mark.parametrize("text", [
    "a 1\n", "# HELP a x\n# TYPE a gauge\na 1", "# HELP a x\n# TYPE a gauge\na 1\na 2\n", "# HELP a x\n# TYPE a gauge\nb 1\n", "# HELP a x\n# TYPE a gauge\na{b=c} 1\n", "# HELP a x\n# TYPE a gauge\na x\n",
    "# HELP a x\n# TYPE a thing\na 1\n", "# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n", '# HELP a x\n# TYPE a gauge\na{b="c\nd"} 1\n', "# HELP a x\n# TYPE a counter\na -1\n",
    '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n'])
def test_the_parser_of_this_test_is_strict(text):
    with pytest.raises((AssertionError, TypeError, KeyError)):
        parse(text)


def scrape(client):
    answer = client.ask("GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(answer.text)


class Figures:
    def __init__(self, client):
        self.families = scrape(client)

    def __call__(self, name, suffix="", **labels):
        """The one value with just these labels."""
        return self.families[name][1][(suffix, *sorted(labels.items()))]


@pytest.fixture
def site():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.station("CS2", site.rtu_charger())
        site.start("--speed", "20")
        for station in ("CS1", "CS2"):
            site.csms.expect(station, "SecurityEventNotification")    # the last that is said at a start
            site.csms.call(station, "GetLocalListVersion")            # what came before is answered
        yield site


@pytest.fixture
def machine(site):
    return site.token("viewer", "prometheus")


WANTED = {  # what must be told, by which labels
    "ocpp_station_connected": {"station"}, "ocpp_station_accepted": {"station"}, "ocpp_station_frames_sent_total": {"station"}, "ocpp_station_frames_received_total": {"station"},
    "ocpp_station_connects_total": {"station"}, "ocpp_station_messages_waiting": {"station"}, "ocpp_station_events_waiting": {"station"}, "ocpp_station_answer_seconds": {"station"},
    "ocpp_evse_online": {"station", "evse"}, "ocpp_evse_state": {"station", "evse", "state"}, "ocpp_evse_power_watts": {"station", "evse"}, "ocpp_evse_energy_watthours": {"station", "evse"},
    "ocpp_bus_requests_total": {"bus"}, "ocpp_bus_answers_total": {"bus"}, "ocpp_bus_timeouts_total": {"bus"}, "ocpp_bus_exceptions_total": {"bus"}, "ocpp_bus_bad_frames_total": {"bus"},
    "ocpp_bus_late_answers_total": {"bus"}, "ocpp_bus_busy_seconds_total": {"bus"}, "process_resident_memory_bytes": set(), "process_heap_bytes": set(), "ocpp_gateway_loop_lag_seconds": set(), "ocpp_gateway_loop_lag_max_seconds": set(),
    "ocpp_gateway_uptime_seconds": set(), "ocpp_gateway_info": {"version"},
}


def test_all_that_is_to_be_watched_is_told_by_its_labels(machine):
    families = scrape(machine)
    for name, labels in WANTED.items():
        type_, samples = families[name]
        assert samples and {frozenset(n for n, _ in key[1:]) - {"le"} for key in samples} == {frozenset(labels)}, name
        assert type_ == ("histogram" if name.endswith("_seconds") and name not in ("ocpp_gateway_uptime_seconds", "ocpp_gateway_loop_lag_max_seconds")
                         else "counter" if name.endswith(("_total", "_watthours")) else "gauge")
    assert set(families) == set(WANTED), "a new figure is to be told of here"


def test_figures_follow_what_happens(site, machine):
    figures = Figures(machine)
    assert figures("ocpp_station_connected", station="CS1") == figures("ocpp_station_accepted", station="CS2") == 1
    assert figures("ocpp_station_connects_total", station="CS1") == 1
    assert figures("ocpp_evse_state", station="CS1", evse="1", state="available") == 1
    assert 1e6 < figures("process_resident_memory_bytes") < 4e9
    before = figures("ocpp_station_frames_sent_total", station="CS1")
    site.csms.call("CS1", "GetLocalListVersion")
    assert Figures(machine)("ocpp_station_frames_sent_total", station="CS1") == before + 1
    site.ask("plug tcp1 soc=20 capacity=60kWh")
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    until(lambda: Figures(machine).families["ocpp_evse_power_watts"][1]["", ("evse", "1"), ("station", "CS1")] > 2000, "the power is told")
    figures = Figures(machine)
    assert figures("ocpp_evse_state", station="CS1", evse="1", state="charging") == 1
    until(lambda: Figures(machine)("ocpp_evse_energy_watthours", station="CS1", evse="1") > 0, "the energy is told")
    assert figures("ocpp_station_answer_seconds", "_count", station="CS1") >= 3
    until(lambda: Figures(machine)("ocpp_gateway_loop_lag_seconds", "_count") > 5, "the loop's delay is looked at")
    site.csms.close()
    until(lambda: Figures(machine)("ocpp_station_connected", station="CS1") == 0, "the link is gone")
    until(lambda: Figures(machine)("ocpp_station_events_waiting", station="CS1") > 0, "events wait")
    site.csms.open()
    until(lambda: (f := Figures(machine))("ocpp_station_connected", station="CS1") == 1 and f("ocpp_station_events_waiting", station="CS1") <= 1, "they are delivered")
    assert Figures(machine)("ocpp_station_connects_total", station="CS1") == 2
    site.end("sim")
    until(lambda: Figures(machine)("ocpp_evse_online", station="CS1", evse="1") == 0, "the charger is silent")


def test_counters_only_grow(site, machine):
    scrapes = [scrape(machine)]
    for _ in range(3):
        time.sleep(0.3)
        scrapes.append(scrape(machine))
    for earlier, later in zip(scrapes, scrapes[1:]):
        for name, (type_, samples) in earlier.items():
            if type_ != "gauge":
                assert all(later[name][1][key] >= value for key, value in samples.items() if key[0] != "_sum"), name
    requests = [sum(s["ocpp_bus_requests_total"][1].values()) for s in scrapes]
    assert requests[-1] > requests[0]


def test_who_may_read_metrics_is_configured(site, machine):
    assert Client(site).ask("GET", "/metrics").status == 401
    assert "metrics: open" in Client(site).ask("GET", "/metrics").problem
    assert site.user("ann", "viewer").ask("GET", "/metrics").status == 200
    config = site.local.get("/config")
    site.local.put("/config", {"text": config["text"].replace("tls: false", "tls: false, metrics: open"), "etag": config["etag"]})
    until(lambda: nobody_reads(site), "everybody may read them")


def nobody_reads(site):
    try:
        return Client(site).ask("GET", "/metrics").status == 200
    except OSError:
        return False   # it listens anew


def test_a_gateway_that_reaches_no_csms_is_alive_but_not_ready():
    with ManagedSite() as site:
        site.csms.close()
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        nobody = Client(site)
        assert nobody.get("/healthz").text == "ok\n"
        not_ready = nobody.ask("GET", "/readyz")
        assert (not_ready.status, not_ready.text) == (503, "no station is connected to its CSMS\n")
        site.csms.open()
        until(lambda: nobody.ask("GET", "/readyz").status == 200, "it is ready")
        assert nobody.get("/readyz").text == "ready\n"
        site.csms.close()
        until(lambda: nobody.ask("GET", "/readyz").status == 503, "it is ready no more")
        assert nobody.get("/healthz")
