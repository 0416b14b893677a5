"""No request holds up the loop. Long answers are made while they are sent, some stations in each turn; what reads the configuration goes on beside the loop. What a client gets when it is slow, when it leaves, and when the
site becomes another meanwhile."""
import http.client
import json
import os

import pytest

from harness import until
from management import ManagedSite, full
from test_api_metrics import parse

COUNT = 400     # of each answer more is left to be made than sockets hold


class LargeSite(ManagedSite):
    """Stations with chargers that are not there, of a CSMS that is not there. `ports` tells by id which ones."""

    def __init__(self):
        super().__init__(settings=", metrics: open")
        self.log_level = "error"
        self.ports = {f"S{i:04}": 1 + i for i in range(COUNT)}

    def config(self):
        text = super().config().replace(f"{self.csms_address}:{self.csms.port}", f"{self.csms_address}:1")
        return text + "".join(f'  - {{ id: {id}, csms: test, password: pass-pass-pass-pass, chargers: [ {{ profile: demo-modbus-ac22, '
                              f'tcp: "{self.sim_address}:{port}" }} ] }}\n' for id, port in self.ports.items())

    def reload(self):
        (self.directory / "gateway.yaml").write_text(self.config())
        self.local.post("/reload")

    def begin(self, path):
        """An answer of which the client has taken no more than the first bytes."""
        connection, response = self.local.open("GET", path)
        assert response.status == 200
        return connection, response, response.read(100)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.processes['gateway'].pid}/fd"))


@pytest.fixture
def site():
    with LargeSite() as site:
        (site.directory / "gateway.yaml").write_text(site.config())
        site.start_gateway()
        yield site


def finish(begun):
    connection, response, first = begun
    text = (first + response.read()).decode()
    connection.close()
    return text


def stations_of(families):
    """{metric: its stations}"""
    return {name: [dict(key[1:])["station"] for key in samples] for name, (_, samples) in families.items() if name.startswith(("ocpp_station", "ocpp_evse"))}


def test_all_stations_are_told_of_whole_and_once(site):
    status = json.loads(finish(site.begin("/status")))
    assert [s["id"] for s in status["stations"]] == list(site.ports)
    assert len(status["buses"]) == len(site.local.items("/buses?limit=1000"))
    for name, ids in stations_of(parse(finish(site.begin("/metrics")))).items():
        assert name in ("ocpp_evse_power_watts", "ocpp_evse_energy_watthours") or list(dict.fromkeys(ids)) == list(site.ports), name


def test_a_client_without_chunks_gets_all_until_the_end_of_the_connection(site):
    site.local.get("/stations")     # all are made
    data = b""
    with site.raw(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n") as connection:
        while piece := connection.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    parse(body.decode())


def test_a_reload_in_the_midst_leaves_out_who_went_and_tells_of_nobody_twice(site):
    status, metrics = site.begin("/status"), site.begin("/metrics")
    gone = list(site.ports)[COUNT // 4::2]
    stay = [id for id in site.ports if id not in gone]
    changed = stay[-2]
    site.ports = {"NEW": COUNT + 2, **{id: site.ports[id] for id in reversed(stay)}}
    site.ports[changed] = COUNT + 1
    site.reload()
    ids = [s["id"] for s in json.loads(finish(status))["stations"]]
    assert len(set(ids)) == len(ids) and ids == sorted(ids)
    assert set(stay) <= set(ids) and "NEW" not in ids
    assert gone[-1] not in ids      # so it was in the midst
    families = stations_of(parse(finish(metrics)))   # which checks that none is told of twice
    assert set(families["ocpp_evse_online"]) == set(stay)
    assert [s["id"] for s in json.loads(finish(site.begin("/status")))["stations"]] == list(site.ports)


def test_when_all_stations_go_in_the_midst_the_answer_ends_well(site):
    status, metrics = site.begin("/status"), site.begin("/metrics")
    site.ports = {"NEW": 1}
    site.reload()
    assert len(json.loads(finish(status))["stations"]) < COUNT
    assert stations_of(parse(finish(metrics)))["ocpp_evse_online"] == []


def test_a_client_that_leaves_in_the_midst_costs_nothing(site):
    site.local.get("/stations")
    before = site.descriptors()
    for _ in range(10):
        for path in ("/status", "/metrics"):
            site.begin(path)[0].close()
    until(lambda: site.descriptors() <= before, "the descriptors are given back")
    json.loads(finish(site.begin("/status")))


def test_a_gateway_that_stops_in_the_midst_does_not_pretend_that_this_was_all(site):
    begun = [site.begin(path) for path in ("/status", "/metrics")]
    site.end("gateway")
    for answer in begun:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            finish(answer)


def test_others_are_answered_while_a_slow_client_takes_its_time(site):
    begun = site.begin("/metrics")
    assert site.local.get("/stations?limit=1")["total"] == COUNT
    parse(finish(begun))


# ---- what is read beside the loop ----

def ask_beside(site):
    """A check, an entry and a reload are under way."""
    begun = []
    for method, path, body in (("POST", "/config/check", {"text": site.config()}), ("GET", "/stations/S0001", None), ("POST", "/reload", {})):
        connection = site.local.connect()
        connection.request(method, full(path), json.dumps(body) if body is not None else None, {"Content-Type": "application/json"} if body is not None else {})
        begun.append(connection)
    return begun


def test_a_client_that_leaves_while_its_text_is_checked_costs_nothing(site):
    site.local.get("/stations")
    before = site.descriptors()
    for _ in range(5):
        begun = ask_beside(site)
        site.local.get("/stations?limit=1")     # so those were read
        for connection in begun:
            connection.close()
    until(lambda: site.descriptors() <= before, "the descriptors are given back")
    assert site.local.post("/config/check", {"text": site.config()})["problems"] == []


def test_a_gateway_stops_while_texts_are_checked(site):
    begun = ask_beside(site)
    site.local.get("/stations?limit=1")     # so those were read
    site.end("gateway")                     # in order
    for connection in begun:
        connection.close()


def test_others_are_answered_while_a_text_is_checked(site):
    begun = ask_beside(site)
    assert site.local.get("/stations?limit=1")["total"] == COUNT
    answers = [connection.getresponse() for connection in begun]
    assert [answer.status for answer in answers] == [200, 200, 200]
    check, station, reload = (json.loads(answer.read()) for answer in answers)
    assert check["problems"] == check["changed"] == reload["problems"] == []
    assert station["config"]["id"] == "S0001" and station["config"]["password"] == "***"


def test_the_entry_of_a_station_is_the_files_after_each_edit_by_hand(site):
    path = site.directory / "gateway.yaml"
    assert site.local.get("/stations/S0007")["config"]["chargers"][0]["tcp"].endswith(":8")
    path.write_text(path.read_text().replace(f"{site.sim_address}:8\"", f"{site.sim_address}:9999\""))
    assert site.local.get("/stations/S0007")["config"]["chargers"][0]["tcp"].endswith(":9999")
    assert "config" not in site.token("viewer").get("/stations/S0007")
    path.unlink()
    assert "config" not in site.local.get("/stations/S0007")
