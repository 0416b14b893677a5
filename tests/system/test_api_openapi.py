"""docs/openapi.json against the gateway: the routes it has, and what they really answer."""
import pathlib
import re
import subprocess

import jsonschema
import pytest

from harness import until
from management import API, DESCRIPTION, Client, ManagedSite, operation_of, resolve, routes, validator

METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module")
def site():
    with ManagedSite(with_tls=True) as site:
        site.station("CS1", site.tcp_charger())
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start("--speed", "20")
        site.tcp_charger("spare", 15022)
        yield site


@pytest.fixture(scope="module")
def admin(site):
    return site.token("admin")


def described():
    return [(method.upper(), pattern, operation) for pattern, operations in DESCRIPTION["paths"].items()
            for method, operation in operations.items() if method in METHODS]


# ---- the file itself ----

def test_every_route_is_described_and_nothing_else():
    assert sorted((r.method, r.pattern) for r in routes()) == sorted((m, p) for m, p, _ in described())


@pytest.mark.parametrize("route", routes(), ids=str)
def test_role_and_parameters_are_those_of_the_route(route):
    operation = operation_of(route.method, route.pattern)
    parameters = [resolve(p) for p in operation.get("parameters", [])]
    assert operation["x-role"] == route.role
    assert sorted(p["name"] for p in parameters if p["in"] == "query") == sorted(route.query)
    assert [p["name"] for p in parameters if p["in"] == "path"] == re.findall(r"\{([^}]*)\}", route.pattern)
    open_to_all = route.role == "none"
    assert ({} in operation["security"] or operation["security"] == []) == open_to_all
    if not open_to_all:
        needs = {"cookie": []} if route.method == "GET" else {"cookie": [], "csrf": []}
        assert operation["security"] == [{"bearer": []}, needs]
    nobody_has_less = route.role == "viewer" and route.method == "GET"
    assert "401" in operation["responses"] or open_to_all
    assert ("403" in operation["responses"]) != (open_to_all or nobody_has_less)


def test_each_schema_is_one_and_each_reference_leads_to_something():
    def walk(thing):
        if isinstance(thing, dict):
            if "$ref" in thing:
                resolve(thing)
            for value in thing.values():
                walk(value)
        elif isinstance(thing, list):
            for value in thing:
                walk(value)
    walk(DESCRIPTION)
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f"#/components/schemas/{name}\"" in str(DESCRIPTION).replace("'", '"'), f"{name} is not used"
    names = [operation["operationId"] for _, _, operation in described()]
    assert len(names) == len(set(names)) and DESCRIPTION["openapi"].startswith("3.1.")


def test_the_gateway_serves_its_description(site):
    served = Client(site).get("/openapi.json")
    assert served == DESCRIPTION


def test_what_is_not_described_would_be_found():
    """The check itself: it must not let through what is wrong."""
    problem = DESCRIPTION["components"]["schemas"]["Problem"]
    good = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "x"}
    validator(problem).validate(good)
    for wrong in ({**good, "status": 200}, {**good, "more": 1}, {k: good[k] for k in ("type", "title", "status")}):
        assert list(validator(problem).iter_errors(wrong))


# ---- real answers ----

def charge(site):
    site.ask("plug tcp1 soc=20 capacity=60kWh")
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    site.csms.expect("CS1", "TransactionEvent", eventType="Started")
    until(lambda: site.show("tcp1")["power"] > 2000, "the device charges")


LISTS = ["/users", "/tokens", "/audit", "/csms", "/buses", "/certificates", "/stations", "/profiles", "/transactions"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_as_described(site, admin, path):
    if path == "/users":
        site.user("ann", "viewer")
    page = admin.get(path)
    assert page["offset"] == 0 and page["limit"] == 100 and page["total"] >= len(page["items"])
    if path != "/transactions":   # below
        assert page["items"]


def test_a_session_is_as_described_while_it_runs_and_afterwards(site, admin):
    charge(site)
    admin.post("/stations/CS1/limits", {"limit": 10, "unit": "A", "duration": 600})
    overview = until(lambda: (o := admin.get("/overview"))["evses"]["byState"].get("charging") and o, "the gateway sees it, too")
    assert overview["stations"] == {"total": 2, "connected": 2} and overview["evses"]["total"] == 2
    until(lambda: admin.get("/transactions?state=running")["total"] == 1, "the transaction is in the history")
    item = next(i for i in admin.items("/stations") if i["id"] == "CS1")
    assert item["evses"][0]["transaction"]["idToken"] == "..E5F6"
    whole = admin.get("/stations/CS1")
    assert whole["item"]["id"] == "CS1" and whole["config"]["chargers"] and "a-password" not in str(whole["config"])
    assert admin.get("/status")["stations"][0]["evses"][0]["transaction"]["authorized"] is True
    kinds = {limit["kind"] for limit in admin.items("/stations/CS1/limits")}
    assert {"device", "external", "result"} <= kinds
    assert {event["event"] for event in admin.items("/stations/CS1/points")} == {"charger", "point", "signals"}
    assert admin.get("/stations/CS1/frames").headers["Content-Type"].startswith("text/plain")
    assert len(admin.get("/power?station=CS1&seconds=60")["powerW"]) == len(admin.get("/power?seconds=60")["energyWh"]) > 1
    assert {event["type"] for event in admin.items("/events?limit=1000")} >= {"log", "frame", "write"}
    admin.post("/stations/CS1/limits", {"release": True})
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    ended = until(lambda: admin.items("/transactions?state=ended"), "the transaction has ended in the history")
    assert ended[0]["station"] == "CS1" and ended[0]["energyWh"] > 0
    assert admin.get("/transactions.csv").headers["Content-Type"].startswith("text/csv")
    site.ask("unplug tcp1")


def test_what_operators_do_is_answered_as_described(site, admin):
    result = admin.post("/stations/CS2/requests", {"action": "GetLocalListVersion", "payload": {}})
    assert result["result"]["versionNumber"] >= 0
    assert admin.post("/stations/CS2/requests", {"action": "GetVariables", "payload": {"getVariableData": 5}}, 422)["code"] == "TypeConstraintViolation"
    assert admin.post("/stations/CS2/requests", {"action": "NoSuchThing"}, 422)["code"] == "NotImplemented"
    point = next(e["point"] for e in admin.items("/stations/CS2/points") if e["event"] == "point")
    assert admin.post("/stations/CS2/probe", {"point": point, "read": True})["point"] == point
    assert "exception 2" in admin.ask("POST", "/stations/CS2/probe", {"kind": "holding", "address": 0, "count": 1, "read": True}).problem
    admin.post("/stations/CS2/probe", {"point": "nothing"}, 422)
    admin.post("/stations/CS2/limits", {"limit": -1, "unit": "A"}, 422)
    admin.post("/stations/CS2/limits", {"limit": 5, "unit": "A", "durration": 5}, 422)
    admin.post("/stations/CS2/limits", {"release": True}, 422)


def test_profiles_are_answered_as_described(site, admin):
    text = admin.get("/profiles/demo-modbus-ac22")["text"]
    assert admin.get("/profiles?protocol=echonet&limit=2")["items"][0]["protocol"] == "echonet"
    assert admin.post("/profiles/check", {"name": "mine", "text": text.replace("profile: demo-modbus-ac22", "profile: mine")})["offers"]["profile"] == "mine"
    wrong = admin.post("/profiles/check", {"name": "mine", "text": "profile: mine\nvendro: Nobody\n"})
    assert wrong["problems"][0]["line"] and "offers" not in wrong
    admin.put("/profiles/mine", {"text": text.replace("profile: demo-modbus-ac22", "profile: mine")})
    assert admin.get("/profiles/mine")["writable"] is True
    assert admin.put("/profiles/mine", {"text": "vendro: 5"}, 422)["problems"]
    admin.delete("/profiles/mine")
    admin.delete("/profiles/mine", 404)
    admin.get("/profiles/mine", 404)


def test_a_profile_that_someone_else_has_changed_is_not_overwritten_unseen(site, admin):
    text = admin.get("/profiles/demo-modbus-ac22")["text"].replace("profile: demo-modbus-ac22", "profile: shared")
    admin.put("/profiles/shared", {"text": text, "etag": ""})
    assert "there is a profile of this name already" in admin.put("/profiles/shared", {"text": text, "etag": ""}, 409)["detail"]
    known = admin.get("/profiles/shared")["etag"]
    admin.put("/profiles/shared", {"text": text + "# Ann's\n", "etag": known})
    refusal = admin.put("/profiles/shared", {"text": text + "# Bob's\n", "etag": known}, 409)
    assert "was changed meanwhile by someone else" in refusal["detail"] and refusal["problems"]
    now = admin.get("/profiles/shared")
    assert now["text"] == text + "# Ann's\n"
    pathlib.Path(now["path"]).write_text(text + "# by hand\n")
    admin.put("/profiles/shared", {"text": text, "etag": now["etag"]}, 409)
    admin.put("/profiles/shared", {"text": text, "etag": 5}, 400)
    admin.put("/profiles/shared", {"text": text})
    admin.delete("/profiles/shared")


def test_a_station_that_someone_else_has_changed_is_not_overwritten_unseen(site, admin):
    entry = {"id": "CS7", "csms": "test", "password": "a-password-of-16-or-more", "chargers": [{"profile": "demo-modbus-ac22", "tcp": f"{site.sim_address}:15096"}]}
    admin.post("/stations", entry, 201)
    seen = admin.get("/stations/CS7")
    other = {**entry, "id": "CS6", "chargers": [{**entry["chargers"][0], "tcp": f"{site.sim_address}:15095"}]}
    admin.post("/stations", other, 201)                                                    # another station is of no interest
    admin.put(f"/stations/CS7?etag={seen['etag']}", {**seen["config"], "vendor": "Ann"})
    refusal = admin.put(f"/stations/CS7?etag={seen['etag']}", {**seen["config"], "vendor": "Bob"}, 409)
    assert "was changed meanwhile by someone else" in refusal["detail"]
    now = admin.get("/stations/CS7")
    assert now["config"]["vendor"] == "Ann" and now["etag"] != seen["etag"]
    admin.put("/stations/CS7?etag=", entry, 409)
    admin.put(f"/stations/CS7?etag={now['etag']}", {**now["config"], "vendor": "Bob"})
    admin.put("/stations/CS7", entry)                                                      # a script that knows what it wants
    for station in ("CS6", "CS7"):
        admin.delete(f"/stations/{station}?force=true")


def test_a_profile_in_use_stays(site, admin):
    text = admin.get("/profiles/demo-modbus-ac22")["text"].replace("profile: demo-modbus-ac22", "profile: used")
    entry = {"id": "CS8", "csms": "test", "password": "a-password-of-16-or-more", "chargers": [{"profile": "used", "tcp": f"{site.sim_address}:15097"}]}
    admin.put("/profiles/used", {"text": text})
    admin.post("/stations", entry, 201)
    assert next(i for i in admin.items("/profiles?q=CS8") if i["name"] == "used")["usedBy"] == ["CS8"]
    admin.delete("/profiles/used", 409)
    assert admin.put("/profiles/used", {"text": text.replace("cp_state == 9", "cp_state == nothing")}, 422)["problems"]
    assert admin.get("/profiles/used")["text"] == text
    admin.delete("/stations/CS8?force=true")
    admin.delete("/profiles/used")


def test_the_configuration_is_answered_as_described(site, admin):
    config = admin.get("/config")
    check = admin.post("/config/check", {"text": config["text"].replace("id: CS2", "id: CS3")})
    assert (check["added"], check["removed"], check["changed"], check["problems"]) == (["CS3"], ["CS2"], [], [])
    assert "+  - id: CS3" in check["diff"]
    assert admin.post("/config/check", {"text": "nonsense: true"})["problems"]
    assert admin.put("/config", {"text": "nonsense: true", "etag": config["etag"]}, 422)["problems"]
    admin.put("/config", {"text": config["text"], "etag": "old"}, 409)
    admin.put("/config", {"text": config["text"] + "# a remark\n", "etag": config["etag"]})
    assert admin.post("/reload") == {"problems": []}
    path = site.directory / "gateway.yaml"
    text = path.read_text()
    path.write_text(text.replace("id: CS2", "id: CS2\n    speed: 3"))
    refusal = admin.post("/reload", status=422)
    path.write_text(text)
    line = text[:text.index("id: CS2")].count("\n") + 2
    assert [(problem["file"], problem["line"], problem["path"]) for problem in refusal["problems"]] == [(str(path), line, "stations[1].speed")]


def test_stations_come_and_go_as_described(site, admin):
    entry = {"id": "CS9", "csms": "test", "password": "a-password-of-16-or-more", "chargers": [{"profile": "demo-modbus-ac22", "tcp": f"{site.sim_address}:15099"}]}
    assert admin.post("/stations", entry, 201) == {"id": "CS9"}
    admin.post("/stations", entry, 409)
    admin.put("/stations/CS9", {**entry, "vendor": "Somebody"})
    admin.put("/stations/CS9", {**entry, "chargers": []}, 422)
    admin.get("/stations/CS9")
    admin.delete("/stations/CS9?force=true")
    admin.delete("/stations/CS9", 404)
    assert admin.post("/csms", {"name": "second", "url": f"ws://{site.csms_address}:9001/ocpp", "security_profile": 1}, 201) == {"id": "second"}
    admin.post("/csms", {"name": "second", "url": "ws://127.0.0.1/"}, 409)
    charger = {**entry, "id": "CS16", "chargers": [{"profile": "ocpp16", "ocpp16": "CP16"}]}
    listen = {"listen": f"{site.management}:8887"}
    admin.post("/stations", charger, 422)
    admin.post("/stations", {**charger, "ocpp16": listen["listen"]}, 400)
    admin.post("/stations", {**charger, "ocpp16": listen}, 201)
    assert next(bus for bus in admin.items("/buses") if bus["name"] == "ocpp16")["settings"] == {**listen, "tls": False}
    refusal = admin.post("/stations", {**charger, "id": "CS17", "ocpp16": listen}, 409)
    assert 'there is a setting "listen" already' in refusal["detail"]
    admin.delete("/stations/CS16?force=true")
    admin.delete("/csms/test", 422)
    admin.delete("/csms/second")
    admin.delete("/csms/second", 404)


def test_a_station_with_money_at_stake_is_not_removed_by_accident(site, admin):
    charge(site)
    until(lambda: admin.get("/stations/CS1")["item"]["evses"][0].get("transaction"), "a transaction runs")
    assert "force=true" in admin.ask("DELETE", "/stations/CS1").problem
    admin.delete("/stations/CS1?force=false", 409)
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    site.ask("unplug tcp1")
    site.csms.expect("CS1", "TransactionEvent", eventType="Ended")


def test_what_there_may_be_only_some_of_is_refused_beyond(site, admin):
    charger = {"profile": "demo-modbus-ac22", "tcp": f"{site.sim_address}:15021"}
    trials = [admin.post("/trials", charger, 201)["id"] for _ in range(4)]
    assert "4 chargers are on trial already" in admin.ask("POST", "/trials", charger).problem
    for trial in trials:
        admin.delete(f"/trials/{trial}")
    scans, answer = [], None
    while not answer or answer.status == 202:     # of places where nothing answers
        answer = admin.ask("POST", "/scans", {"protocol": "modbus", "target": f"{site.sim_address}:{16000 + len(scans)}"})
        scans += [answer.json["id"]] if answer.status == 202 else []
        assert len(scans) < 20
    assert answer.status == 409 and "scans run already" in answer.problem
    for scan in scans:
        admin.delete(f"/scans/{scan}")


def test_a_file_that_was_spoilt_by_hand_is_told_of_and_changes_nothing(site, admin):
    path = site.directory / "gateway.yaml"
    text = path.read_text()
    try:
        path.write_text(text + "nonsense: [\n")
        answer = admin.ask("POST", "/reload")
        assert answer.status == 422 and answer.json["problems"]
        assert admin.post("/csms", {"name": "x", "url": "ws://127.0.0.1/ocpp"}, 422)
        path.write_bytes(text.encode() + b"# \xff\n")
        assert admin.ask("GET", "/config").status == 500
    finally:
        path.write_text(text)
    assert admin.post("/reload") == {"problems": []} and admin.get("/stations")["total"] == 2


def test_scans_and_trials_are_answered_as_described(site, admin):
    scan = admin.post("/scans", {"protocol": "modbus", "target": f"{site.sim_address}:15021", "units": "1"}, 202)["id"]
    found = until(lambda: (s := admin.get(f"/scans/{scan}"))["state"] != "running" and s, "the scan is done")
    assert found["state"] == "done" and (found["found"][0]["unit"], found["found"][0]["station"]) == (1, "CS2"), found
    admin.delete(f"/scans/{scan}")
    admin.get(f"/scans/{scan}", 404)
    admin.post("/scans", {"protocol": "smoke"}, 422)
    trial = admin.post("/trials", {"profile": "demo-modbus-ac22", "tcp": f"{site.sim_address}:15021"}, 201)["id"]
    until(lambda: admin.get(f"/trials/{trial}")["online"], "the charger on trial answers")
    admin.delete(f"/trials/{trial}")
    admin.delete(f"/trials/{trial}", 404)
    admin.post("/trials", {"profile": "no-such-profile", "tcp": "127.0.0.1:1"}, 422)
    silent = admin.post("/trials", {"profile": "demo-modbus-ac22", "tcp": f"{site.sim_address}:15098"}, 201)["id"]
    assert until(lambda: admin.get(f"/trials/{silent}").get("error"), "why it does not answer")
    admin.delete(f"/trials/{silent}")


def test_certificates_are_answered_as_described(site, admin):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "web.key", "-out", "web.pem", "-days", "2",
                    "-subj", "/CN=gateway.example"], cwd=site.directory, check=True, capture_output=True)
    cert, key = ((site.directory / name).read_text() for name in ("web.pem", "web.key"))
    admin.put("/certificates/management", {"cert": cert, "key": key})
    own = next(c for c in admin.items("/certificates") if c["use"] == "management")
    assert own["subject"] == "gateway.example" and own["configured"] is False
    admin.put("/certificates/management", {"cert": cert, "key": "none"}, 422)


@pytest.mark.parametrize("route", routes(), ids=str)
def test_what_is_not_there_and_what_is_nonsense_is_answered_as_described(site, admin, route):
    """Of every route: names that are none, no body, a body of wrong members, a parameter that is none, a method that is none."""
    if not route.pattern.endswith("/stream"):
        admin.ask(route.method, route.path(), {} if route.method in ("POST", "PUT") else None)
    if route.method in ("POST", "PUT"):
        assert 400 <= admin.ask(route.method, route.path(), {"wrong": [None, {}]}).status < 500 or route.pattern.endswith(("/reload", "/users/{name}"))
        assert admin.ask(route.method, route.path(), b"[1, 2]").status == 400
        assert admin.ask(route.method, route.path(), b"x", headers={"Content-Type": "text/plain"}).status == 415
    answer = admin.ask(route.method, route.path() + "?nonsense=1")
    assert answer.status == 400 and "nonsense: no such parameter" in answer.problem
    answer = admin.ask("PATCH", route.path(), check=False)
    allowed = {other.method for other in routes() if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(other.pattern)), route.path())}
    assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())


def test_a_missing_path_is_told_from_a_missing_method(admin):
    for path, status in ((f"{API}/nothing", 404), (f"{API}", 404), (f"{API}/", 404), (f"{API}/stations/", 404), (f"{API}/stations/a/b/c", 404)):
        answer = admin.ask("GET", path, check=False)
        assert answer.status == status and "openapi.json" in answer.problem


def test_head_is_a_get_without_its_body(site, admin):
    get, head = admin.ask("GET", "/users", check=False), admin.ask("HEAD", f"{API}/users", check=False)
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == get.headers["Content-Length"]
