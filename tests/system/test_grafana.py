"""/metrics as Prometheus reads it, the table of docs/management.md, and the dashboard: one tells what the other gives."""
import http.client
import itertools
import json
import re
import socket
import ssl
import time

import pytest

from harness import ROOT, Site, address, until

DASHBOARD = json.loads((ROOT / "packaging/grafana-dashboard.json").read_text())
SCRAPED = {"instance", "job"}          # labels that Prometheus adds
WORDS = {"sum", "by", "le", "rate", "increase", "count", "vector", "or", "and", "on", "histogram_quantile"}
SAMPLE = re.compile(r'^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')


class Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def get(connection, path, **headers):
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def post(connection, path, body):
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or "null")


class Metrics:
    """The text, read strictly: each name has its head before it, and its values stand together."""

    def __init__(self, text):
        self.types, self.labels, self.values = {}, {}, {}
        name = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name, said = line[7:].split(" ", 1)
                assert name not in self.types and said
            elif line.startswith("# TYPE "):
                told, kind = line[7:].split(" ")
                assert told == name and kind in ("gauge", "counter", "histogram")
                self.types[name], self.labels[name] = kind, set()
            else:
                self.add(name, *SAMPLE.match(line).groups())
        assert text.endswith("\n")

    def add(self, head, name, labels, value):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
        suffixes = ("_bucket", "_sum", "_count") if self.types[head] == "histogram" else ("",)
        assert name in [head + suffix for suffix in suffixes], f"{name} stands with {head}"
        key = (name, tuple(sorted(pairs.items())))
        assert key not in self.values
        self.values[key] = float(value)
        self.labels.setdefault(name, set()).update(pairs)
        self.labels[head] |= set(pairs) - {"le"}


@pytest.fixture(scope="module")
def site():
    with Site() as site:
        site.web = address()
        site.general += f'management: {{ listen: "{site.web}:8443", tls: true }}\n'
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site


@pytest.fixture(scope="module")
def local(site):
    return Local(site.directory / "gateway.sock")


@pytest.fixture(scope="module")
def metrics(local):
    def told():
        status, text = get(local, "/metrics")
        assert status == 200
        return None if re.search(r"^\S+_count\S* 0$", text, re.M) else Metrics(text)
    return until(told, "each histogram has something in it")


def remote(site):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(site.web, 8443, context=context, timeout=25)


# ---- /metrics ----

def test_histograms_are_cumulative_and_whole(metrics):
    rows = {}
    for (name, labels), value in metrics.values.items():
        if name.endswith("_bucket"):
            labels = dict(labels)
            rows.setdefault((name, tuple(v for k, v in labels.items() if k != "le")), []).append((float(labels["le"]), value))
    assert len(rows) == 2
    for (name, _), buckets in rows.items():
        assert buckets == sorted(buckets) and [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1][0] == float("inf") and buckets[-1][1] > 0
        counts = [value for (other, _), value in metrics.values.items() if other == name.replace("_bucket", "_count")]
        assert buckets[-1][1] in counts


def test_what_they_tell_is_so(metrics):
    station = (("station", "CS1"),)
    assert metrics.values["ocpp_station_connected", station] == 1
    assert metrics.values["ocpp_station_accepted", station] == 1
    assert metrics.values["ocpp_station_connects_total", station] == 1
    assert metrics.values["ocpp_station_frames_sent_total", station] >= 2
    assert metrics.values["ocpp_evse_state", (("evse", "1"), ("state", "available"), ("station", "CS1"))] == 1
    assert metrics.values["process_resident_memory_bytes", ()] > 1 << 20


def test_it_is_scraped_with_a_token(site, local):
    status, made = post(local, "/api/v1/tokens", {"name": "prometheus", "role": "viewer"})
    assert status == 201
    https = remote(site)
    assert get(https, "/metrics")[0] == 401
    status, text = get(https, "/metrics", Authorization=f"Bearer {made['token']}")
    assert status == 200 and Metrics(text).types
    assert get(https, "/healthz") == (200, "ok\n")


def test_the_manual_tells_of_each_metric(metrics):
    manual = (ROOT / "docs/management.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| [^|]+ \| [^|]+ \|$", manual, re.M)
    assert {name: kind for name, kind, _ in rows} == metrics.types and len(rows) == len(metrics.types)
    for name, _, labels in rows:
        assert set(re.findall(r"`(\w+)`", labels)) == metrics.labels[name], name


# ---- streams ----

def test_a_stream_by_tls_lasts(site, local):
    """What libwebsockets would cut after 20 s."""
    _, made = post(local, "/api/v1/tokens", {"name": "follower", "role": "viewer"})
    https = remote(site)
    https.request("GET", "/api/v1/stream?types=power", headers={"Authorization": f"Bearer {made['token']}"})
    stream, begun_s = https.getresponse(), time.monotonic()
    assert stream.status == 200
    while time.monotonic() < begun_s + 24:
        assert stream.readline(), f"it ended after {time.monotonic() - begun_s:.1f} s"
    https.close()


def test_a_search_without_a_match_comes_to_its_end(site, local):
    def count():
        return len(json.loads(get(local, "/api/v1/events?types=frame&limit=1000")[1])["items"])
    for _ in range(80):   # two frames each: more than are looked at in one turn
        site.csms.call("CS1", "GetLocalListVersion")
    until(lambda: count() > 160, "frames")
    status, text = get(local, "/api/v1/events?types=frame&q=is+nowhere")
    assert status == 200 and json.loads(text) == {"items": [], "more": False}
    found = json.loads(get(local, "/api/v1/events?types=frame&q=BootNotification&limit=1")[1])
    assert found["items"][0]["data"]["frame"][2] == "BootNotification" and not found["more"]
    page = json.loads(get(local, "/api/v1/events?types=frame&limit=130")[1])
    assert len(page["items"]) == 130 and page["more"]


# ---- the dashboard ----

def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions():
    return [(panel["title"], target) for panel in panels() for target in panel["targets"]]


def names_in(expression):
    """Names of metrics, and of labels, that an expression has."""
    bare = re.sub(r"\$\w+", "", expression)
    bare = re.sub(r'"[^"]*"', '""', bare)
    labels = set(re.findall(r'(\w+)\s*=~?\s*""', bare))
    for listed in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", bare):
        labels |= set(re.findall(r"\w+", listed))
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b[a-z]\w*", bare)) - WORDS, labels


@pytest.mark.parametrize("title,target", expressions(), ids=lambda v: v if isinstance(v, str) else v["refId"])
def test_an_expression_asks_for_what_there_is(metrics, title, target):
    expression = target["expr"]
    names, labels = names_in(expression)
    given = set().union(*(metrics.labels[name] for name in names)) | SCRAPED   # KeyError: there is no such metric
    assert names and labels <= given
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels
    assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")
    for function, name in re.findall(r"\b(rate|increase)\((\w+)", expression):
        head = re.sub("_(bucket|sum|count)$", "", name)
        assert metrics.types[head] in ("counter", "histogram"), f"{function} of a gauge: {name}"
    for name in names:
        head = re.sub("_(bucket|sum|count)$", "", name)
        if metrics.types.get(head, metrics.types.get(name)) != "gauge":
            assert re.search(rf"\b(rate|increase)\({name}\b", expression), f"{name} only grows"


def test_every_metric_is_shown(metrics):
    shown = {re.sub("_bucket$", "", name) for _, target in expressions() for name in names_in(target["expr"])[0]}
    assert shown == set(metrics.types)


def test_states_that_are_asked_for_exist():
    header = (ROOT / "src/base/names.c").read_text()
    asked = {state for _, target in expressions() for state in re.findall(r'state="(\w+)"', target["expr"])}
    assert asked and all(f'"{state}"' in header for state in asked)


def test_it_has_the_form_that_is_imported():
    assert DASHBOARD["schemaVersion"] >= 30 and DASHBOARD["uid"] and DASHBOARD["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) and all(isinstance(i, int) for i in ids)
    assert {p["type"] for p in DASHBOARD["panels"]} - {"row"} == {r["id"] for r in DASHBOARD["__requires"] if r["type"] == "panel"}
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    assert variables["station"]["query"]["query"] == "label_values(ocpp_station_connected, station)"
    for panel in panels():
        refs = [target["refId"] for target in panel["targets"]]
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"] and len(refs) == len(set(refs))
        assert all(source["uid"] == "${datasource}" for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"])))


def test_panels_do_not_overlap():
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for place in places:
        assert place["w"] > 0 and place["h"] > 0 and place["x"] >= 0 and place["y"] >= 0 and place["x"] + place["w"] <= 24
    for a, b in itertools.combinations(places, 2):
        assert a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (a, b)
