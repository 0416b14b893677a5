"""Who may use the management API: roles, sessions and their cookies, the setup token, wrong passwords, tokens, the audit log."""
import datetime
import http.client
import signal
import time

import pytest

from harness import address, until
from management import API, PASSWORD, ROLES, Answer, Client, ManagedSite, check_described, read_all, routes

NEW_PASSWORD = "another sentence of some length"


@pytest.fixture(scope="module")
def site():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site


@pytest.fixture(scope="module")
def secure_site():
    with ManagedSite(with_tls=True) as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site


def rfc3339(seconds_from_now):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ---- roles ----

@pytest.fixture(scope="module")
def people(site):
    expired = Client(site, token=site.local.post("/tokens", {"name": "expired", "role": "admin", "expires": rfc3339(4)})["token"])
    assert expired.get("/users")
    until(lambda: expired.ask("GET", "/users").status == 401, "the token expires")
    return {"nobody": Client(site), "viewer": site.token("viewer"), "operator": site.token("operator"), "admin": site.token("admin"), "expired token": expired}


def status_of(client, route):
    """Of names and bodies that are none, so that nothing happens."""
    connection, response = client.open(route.method, route.path(), {} if route.method in ("POST", "PUT") else None)
    if response.status == 200 and route.pattern.endswith("/stream"):     # it has no end
        response.close()
        return 200
    answer = Answer(response, response.read())
    connection.close()
    check_described(route.method, route.path(), answer)
    return answer.status


@pytest.mark.parametrize("who", ["nobody", "viewer", "operator", "admin", "wrong token", "expired token"])
@pytest.mark.parametrize("route", routes(), ids=str)
def test_each_route_is_for_its_role_and_those_above(site, people, route, who):
    client = people.get(who) or Client(site, token="A" * 43, source=address())
    needed = "viewer" if route.pattern == "/metrics" else route.role   # it is open if the configuration says so
    rank = ROLES.index(who) if who in ROLES else 0
    status = status_of(client, route)
    if needed == "none" or rank >= ROLES.index(needed):
        assert status not in (401, 403, 500)
    else:
        assert status == (403 if rank else 401)


def test_who_is_not_known_is_told_how_to_show_who_one_is_without_a_dialog_of_the_browser(site, people):
    wrong_login = site.nobody().ask("POST", "/session", {"user": "nobody", "password": "not the right one"})
    for answer in (people["nobody"].ask("GET", "/users"), people["expired token"].ask("GET", "/users"), wrong_login):
        assert answer.status == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="ocpp-gateway"'
    assert people["viewer"].ask("GET", "/users").headers["WWW-Authenticate"] is None


def test_refusals_say_why(site, people):
    nobody = people["nobody"].ask("GET", "/users")
    assert "log in" in nobody.problem and nobody.json["setup"] is True
    assert people["viewer"].ask("GET", "/users").problem == "this needs the role admin; test-viewer has the role viewer"
    assert "not known, or has expired" in people["expired token"].ask("GET", "/users").problem
    for scheme in ("Basic YTpi", "Bearer", "Bearer ", "bearer  x", "Token x"):
        assert Client(site, source=address()).ask("GET", "/users", headers={"Authorization": scheme}).status == 401
    assert Client(site).get("/users", headers={"Authorization": f"bearer {people['admin'].token}"})["total"] >= 0


ADMIN_ACTIONS = ["CertificateSigned", "ClearVariableMonitoring", "CostUpdated", "CustomerInformation", "DataTransfer", "DeleteCertificate", "GetLog",
                 "InstallCertificate", "PublishFirmware", "SendLocalList", "SetMonitoringBase", "SetMonitoringLevel", "SetNetworkProfile",
                 "SetVariableMonitoring", "SetVariables", "UnpublishFirmware", "UpdateFirmware", "NoSuchAction", ""]
OPERATOR_ACTIONS = ["CancelReservation", "ChangeAvailability", "ClearCache", "ClearChargingProfile", "GetChargingProfiles", "GetCompositeSchedule",
                    "GetLocalListVersion", "GetReport", "GetTransactionStatus", "GetVariables", "RequestStartTransaction", "RequestStopTransaction",
                    "ReserveNow", "Reset", "SetChargingProfile", "TriggerMessage", "UnlockConnector"]


@pytest.mark.parametrize("action", ADMIN_ACTIONS + OPERATOR_ACTIONS)
def test_requests_that_could_cut_a_station_off_need_an_admin(people, action):
    body = {"action": action, "payload": {"wrong": True}}
    assert people["viewer"].ask("POST", "/stations/CS1/requests", body).status == 403
    assert people["admin"].ask("POST", "/stations/CS1/requests", body).status == 422
    answer = people["operator"].ask("POST", "/stations/CS1/requests", body)
    assert answer.status == (403 if action in ADMIN_ACTIONS else 422)
    assert action in OPERATOR_ACTIONS or "role admin" in answer.problem


def test_writing_by_hand_needs_an_admin(people):
    body = {"kind": "holding", "address": 300, "words": [100], "write": True}
    assert "role admin" in people["operator"].ask("POST", "/stations/CS1/probe", body).problem
    assert people["operator"].post("/stations/CS1/probe", {"kind": "holding", "address": 300, "count": 1, "read": True})["written"] is False
    assert people["admin"].ask("POST", "/stations/CS1/probe", {**body, "confirmed": True}).status == 422   # it wears the device out
    assert people["admin"].post("/stations/CS1/probe", {**body, "confirmed": True, "force": True})["written"] is True


def test_passwords_of_stations_are_shown_to_nobody(people):
    assert "config" not in people["operator"].get("/stations/CS1")
    assert people["admin"].get("/stations/CS1")["config"]["password"] != "a-password-of-16-or-more"
    assert "a-password-of-16-or-more" not in people["admin"].ask("GET", "/stations/CS1").text


# ---- who is local ----

def test_the_unix_socket_is_the_admin_local_and_its_file_decides(site):
    socket_file = site.directory / "gateway.sock"
    assert socket_file.stat().st_mode & 0o7777 == 0o660
    assert (site.local.get("/session")["user"], site.local.get("/session")["role"]) == ("local", "admin")
    assert "csrf" not in site.local.get("/session")


@pytest.mark.parametrize("headers", [{"Host": "localhost"}, {"Host": "gateway.sock"}, {"Host": "127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
                                     {"X-Real-IP": ""}, {"Origin": "http://localhost"}, {"X-User": "local"}], ids=str)
@pytest.mark.parametrize("kind", ["site", "secure_site"])
def test_no_header_makes_a_tcp_client_local(request, kind, headers):
    answer = Client(request.getfixturevalue(kind)).ask("GET", "/users", headers=headers)
    assert answer.status == 401


@pytest.mark.parametrize("name", ["localhost", "gateway.sock", "local"])
def test_no_server_name_makes_a_tls_client_local(secure_site, name):
    client = Client(secure_site)
    connection = http.client.HTTPSConnection(secure_site.management, secure_site.port, timeout=20, context=secure_site.trust)
    connection.sock = secure_site.trust.wrap_socket(secure_site.raw(), server_hostname=name)
    connection.request("GET", f"{API}/users", headers=client.headers("GET"))
    assert connection.getresponse().status == 401


# ---- setup ----

def test_the_setup_token_makes_one_admin_once():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        first, nobody = site.setup_token(), Client(site)
        wrong = site.nobody().ask("POST", "/setup", {"token": "A" * 43, "user": "eve", "password": PASSWORD})
        assert wrong.status == 401 and wrong.headers["Set-Cookie"] is None
        assert nobody.ask("POST", "/setup", {"token": first, "user": "ann", "password": "short"}).status == 422
        assert nobody.ask("POST", "/setup", {"token": first, "user": "local", "password": PASSWORD}).status == 422
        site.end("gateway")
        site.start_gateway()
        token = until(lambda: site.setup_token() != first and site.setup_token(), "a new setup token")
        assert site.nobody().ask("POST", "/setup", {"token": first, "user": "eve", "password": PASSWORD}).status == 401
        ann = Client(site)
        ann.take(ann.ask("POST", "/setup", {"token": token, "user": "ann", "password": PASSWORD}))
        assert ann.get("/session")["role"] == "admin" and ann.get("/users")["total"] == 1
        assert nobody.ask("GET", "/session").json["setup"] is False
        again = site.nobody().ask("POST", "/setup", {"token": token, "user": "eve", "password": PASSWORD})
        assert again.status in (401, 409) and ann.get("/users")["total"] == 1
        site.end("gateway")
        site.start_gateway()
        assert site.setup_token() == token, "there is no new one where there is a user"
        assert Client(site).login("ann").status == 200
        assert PASSWORD not in site.log("gateway")


@pytest.mark.parametrize("level", ["error", "debug"])
def test_the_setup_token_is_told_to_people_at_the_host_only(level):
    """Who may look at the log by the API or by the CSMS must not become an admin by it."""
    with ManagedSite() as site:
        site.log_level = level
        site.station("CS1", site.tcp_charger())
        site.start()
        token = until(site.setup_token, "the setup token, whatever is logged else")
        viewer = site.token("viewer")
        with viewer.stream("?types=log", last=0) as stream:
            stream.next("lost")
            time.sleep(0.3)
            assert token not in str(list(stream.events.queue))
        assert token not in viewer.ask("GET", "/events?types=log&limit=1000").text
        assert token not in site.token("admin").ask("GET", "/events?limit=1000").text


# ---- sessions ----

def parts_of(cookie):
    value, *attributes = cookie.split("; ")
    return value.split("=")[0], value.split("=", 1)[1], set(attributes)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site, secure_site):
    for where, name, more in ((site, "session", set()), (secure_site, "__Host-session", {"Secure"})):
        where.local.post("/users", {"name": "cookie", "role": "viewer", "password": PASSWORD})
        answer = Client(where).login("cookie")
        got, secret, attributes = parts_of(answer.headers["Set-Cookie"])
        assert got == name and len(secret) >= 43 and attributes == {"Path=/", "HttpOnly", "SameSite=Strict"} | more
        assert secret not in answer.text and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_with_tls_a_cookie_without_its_prefix_is_none(secure_site):
    client = secure_site.user("prefix", "viewer")
    assert client.get("/overview")
    client.cookie = client.cookie.removeprefix("__Host-")
    assert client.ask("GET", "/overview").status == 401


def test_what_changes_something_needs_the_csrf_token(site):
    client = site.user("csrf", "viewer")
    other = Client(site)
    other.login("csrf")
    change = {"old": PASSWORD, "new": NEW_PASSWORD}
    for token in (None, "", "x", client.csrf[:-1], client.csrf + "x", other.csrf):
        for body, headers in ((change, {}), (change, {"Content-Type": "text/plain"}), (change, {"Content-Type": "application/x-www-form-urlencoded"})):
            answer = client.ask("PUT", "/session/password", body, headers={"X-CSRF-Token": token, **headers})
            assert answer.status == 403 and "X-CSRF-Token" in answer.problem
        assert client.ask("DELETE", "/session", headers={"X-CSRF-Token": token}).status == 403
    for site_of in ("https://evil.example", "null", f"http://{site.management}:{site.port}"):
        assert client.ask("PUT", "/session/password", change, headers={"X-CSRF-Token": None, "Origin": site_of}).status == 403
    assert client.get("/session")["csrf"] == client.csrf            # GET needs none, and tells it
    assert "csrf" not in Client(site, token=site.token("viewer", "no-csrf").token).get("/session")
    client.put("/session/password", change)
    assert client.get("/overview")


def test_a_token_of_a_machine_needs_no_csrf_token_and_a_cookie_does_not_help_it(site):
    machine, client = site.token("operator", "machine"), site.user("beside", "admin")
    assert machine.post("/stations/CS1/requests", {"action": "GetLocalListVersion"})["result"]
    machine.cookie = client.cookie
    assert machine.ask("GET", "/users").status == 403       # it is the token's role that counts
    machine.token = "A" * 43
    machine.source = address()
    assert machine.ask("GET", "/overview").status == 401    # a wrong token is not made up for by a cookie


def test_a_login_from_another_page_is_no_form(site):
    """A page of another site can send forms and text without being asked, but no JSON."""
    body = b'{"user": "ann", "password": "whatever it is"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None, "application/jsonp"):
        assert site.nobody().ask("POST", "/session", body, headers={"Content-Type": kind}).status == 415
    assert site.nobody().ask("POST", "/session", body, headers={"Content-Type": "application/json; charset=utf-8"}).status == 401
    preflight = Client(site).ask("OPTIONS", f"{API}/session", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, check=False)
    assert preflight.status == 405 and preflight.headers["Access-Control-Allow-Origin"] is None


def test_logging_out_ends_the_session_and_its_streams(site):
    client = site.user("leaver", "viewer")
    other = Client(site)
    other.login("leaver")
    with client.stream("?types=station") as stream, other.stream("?types=station") as left:
        answer = client.ask("DELETE", "/session")
        assert answer.status == 204 and "Max-Age=0" in answer.headers["Set-Cookie"]
        assert client.ask("GET", "/session").status == 401
        assert stream.ended.wait(5) and not left.ended.wait(0.3)
    assert other.get("/session")["user"] == "leaver"


def test_a_changed_password_ends_the_other_sessions(site):
    client = site.user("changer", "viewer")
    other = Client(site)
    other.login("changer")
    assert client.ask("PUT", "/session/password", {"old": "not the old one", "new": NEW_PASSWORD}).status == 422
    assert client.ask("PUT", "/session/password", {"old": PASSWORD, "new": "short"}).status == 422
    assert other.get("/session")
    with other.stream("?types=station") as stream:
        client.put("/session/password", {"old": PASSWORD, "new": NEW_PASSWORD})
        assert stream.ended.wait(5)
    assert client.get("/session") and other.ask("GET", "/session").status == 401
    assert Client(site).ask("POST", "/session", {"user": "changer", "password": PASSWORD}).status == 401
    assert Client(site).login("changer", NEW_PASSWORD)


def test_what_an_admin_changes_of_a_user_ends_the_users_sessions(site):
    client = site.user("subject", "operator")
    site.local.put("/users/subject", {"role": "viewer"})
    assert client.ask("GET", "/session").status == 401
    assert Client(site).login("subject").json["role"] == "viewer"
    client.login("subject")
    with client.stream("?types=station") as stream:
        site.local.delete("/users/subject")
        assert stream.ended.wait(5)
    assert client.ask("GET", "/session").status == 401
    assert site.nobody().ask("POST", "/session", {"user": "subject", "password": PASSWORD}).status == 401


def test_a_deleted_or_expired_token_counts_no_more_and_its_streams_end(site):
    machine, kept = site.token("viewer", "to-go"), site.token("viewer", "to-stay")
    with machine.stream("?types=station") as stream, kept.stream("?types=station") as left:
        site.local.delete("/tokens/to-go")
        assert stream.ended.wait(5) and not left.ended.wait(0.3)
    assert machine.ask("GET", "/overview").status == 401 and kept.get("/overview")


def test_a_token_is_made_as_it_was_meant(site):
    for wrong in ({"expires": 1893456000}, {"expires": True}, {"expires": "tomorrow"}, {"expires": rfc3339(-5)}):
        answer = site.local.ask("POST", "/tokens", {"name": "never-made", "role": "viewer", **wrong})
        assert answer.status == 422 and answer.problem.startswith("expires:"), answer.text
    for misspelt in ("expire", "Expires", "expiry"):     # it would have no end
        answer = site.local.ask("POST", "/tokens", {"name": "never-made", "role": "viewer", misspelt: rfc3339(60)})
        assert answer.status == 422 and answer.problem == f"{misspelt}: no such member; expected name,role,expires"
    for wrong in ({"role": "root"}, {"role": "none"}, {"name": "a b"}, {"name": ""}, {"name": "local"}, {"name": "../x"}, {"name": "x" * 65}):
        assert site.local.ask("POST", "/tokens", {"name": "never-made", "role": "viewer", **wrong}).status == 422
    assert site.local.ask("POST", "/tokens", {"name": "never-made"}).status == 400
    assert "never-made" not in site.local.ask("GET", "/tokens").text
    secret = site.token("viewer", "listed").token
    assert site.local.ask("POST", "/tokens", {"name": "listed", "role": "viewer"}).status == 409
    assert secret not in site.local.ask("GET", "/tokens").text
    assert not any(secret.encode() in path.read_bytes() for path in (site.directory / "state").glob("*"))


def test_a_name_is_of_one_user_or_one_token_so_that_the_audit_log_says_who_it_was(site):
    site.local.post("/users", {"name": "one-person", "role": "viewer", "password": PASSWORD})
    site.local.post("/tokens", {"name": "one-machine", "role": "viewer"})
    assert site.local.ask("POST", "/tokens", {"name": "one-person", "role": "viewer"}).status == 409
    assert site.local.ask("POST", "/users", {"name": "one-machine", "role": "viewer", "password": PASSWORD}).status == 409
    assert "one-person" not in [t["name"] for t in site.local.items("/tokens")] and "one-machine" not in [u["name"] for u in site.local.items("/users")]
    site.local.delete("/tokens/one-machine")
    site.local.post("/users", {"name": "one-machine", "role": "viewer", "password": PASSWORD}, 201)


def test_a_user_is_changed_as_it_was_meant(site):
    site.local.post("/users", {"name": "exact", "role": "viewer", "password": PASSWORD})
    for wrong in ({"role": 5}, {"role": None}, {"role": "root"}, {"rolle": "admin"}, {"role": "admin", "x": 1}, {"password": 12345678901}, {"password": None}, {"password": "short"}, {"password": "x" * 257}):
        assert site.local.ask("PUT", "/users/exact", wrong).status == 422, wrong
    for wrong in ({"name": "a/b"}, {"name": "local"}, {"name": "exact\n"}, {"name": "x" * 65}, {"password": "ninechars"}):
        assert site.local.ask("POST", "/users", {"name": "fresh", "role": "viewer", "password": PASSWORD, **wrong}).status == 422, wrong
    assert site.local.ask("POST", "/users", {"name": "exact", "role": "admin", "password": PASSWORD}).status == 409
    assert [u["role"] for u in site.local.items("/users") if u["name"] == "exact"] == ["viewer"]
    assert Client(site).login("exact")


def test_the_last_admin_stays(secure_site):
    secure_site.local.post("/users", {"name": "only", "role": "admin", "password": PASSWORD})
    assert secure_site.local.ask("DELETE", "/users/only").status == 409
    assert secure_site.local.ask("PUT", "/users/only", {"role": "viewer"}).status == 409
    secure_site.local.post("/users", {"name": "second", "role": "admin", "password": PASSWORD})
    secure_site.local.delete("/users/only")


# ---- wrong tries ----

def test_wrong_passwords_make_the_user_and_the_address_wait_but_nobody_else(site):
    for name in ("victim", "bystander"):
        site.local.post("/users", {"name": name, "role": "viewer", "password": PASSWORD})
    attacker = site.nobody()

    def attempt(client, user, password):
        return client.ask("POST", "/session", {"user": user, "password": password})
    statuses = [attempt(attacker, "victim", f"wrong password {i}").status for i in range(7)]
    assert statuses[:5] == [401] * 5 and 429 in statuses
    refused = attempt(attacker, "victim", PASSWORD)
    assert refused.status == 429, "also the right one has to wait"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60 and refused.json["retryAfter"] == wait and "wrong" in refused.problem
    assert attempt(attacker, "bystander", PASSWORD).status == 429, "the address has to wait"
    assert attempt(site.nobody(), "bystander", PASSWORD).status == 200, "others do not"
    time.sleep(wait + 0.1)
    assert attempt(site.nobody(), "victim", PASSWORD).status == 200, "nor the user for long"
    assert site.log("gateway").count("a wrong password for the management API: user=victim") >= 5
    assert "wrong password 0" not in site.log("gateway")


def test_who_guesses_a_password_elsewhere_does_not_lock_its_owner_out(site):
    site.local.post("/users", {"name": "owner", "role": "viewer", "password": PASSWORD})
    right = {"user": "owner", "password": PASSWORD}
    home, attacker = site.nobody(), site.nobody()
    assert home.ask("POST", "/session", right).status == 200
    until(lambda: attacker.ask("POST", "/session", {"user": "owner", "password": "a guess"}).status == 429, "the attacker has to wait")
    assert home.ask("POST", "/session", right).status == 200, "who was here before has not"


@pytest.fixture(scope="module")
def proxied_site():
    proxies = [address(), address()]
    with ManagedSite(settings=f", trusted_proxy: [{', '.join(proxies)}]") as site:
        site.proxies = proxies
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site


def test_behind_a_trusted_proxy_each_client_waits_by_itself_and_is_written_down(proxied_site):
    site = proxied_site
    proxy = Client(site, source=site.proxies[0])
    site.local.post("/users", {"name": "proxied", "role": "viewer", "password": PASSWORD})

    def attempt(user, password, forwarded):
        return proxy.ask("POST", "/session", {"user": user, "password": password}, headers={"X-Forwarded-For": forwarded}).status
    until(lambda: attempt("nobody", "a guess", "198.51.100.66") == 429, "the attacker has to wait")
    assert attempt("proxied", PASSWORD, f"[2001:DB8::7]:4711, {site.proxies[1]}") == 200
    assert last(site, "session.begin")["peer"] == "2001:db8::7"
    assert "user=(unknown) peer=198.51.100.66" in site.log("gateway")
    guesser = [proxy.ask("GET", "/overview", headers={"Authorization": "Bearer " + "B" * 43, "X-Forwarded-For": "198.51.100.67"}).status for _ in range(6)]
    assert guesser == [401] * 5 + [429]
    assert proxy.ask("GET", "/overview", headers={"Authorization": "Bearer " + "B" * 43, "X-Forwarded-For": "198.51.100.68"}).status == 401


def test_of_two_headers_of_proxies_the_last_counts(proxied_site):
    token = proxied_site.token("admin", "through-proxy").token
    body = b'{"name": "two-headers", "role": "viewer"}'
    connection = proxied_site.raw((f"POST {API}/tokens HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 203.0.113.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                                   f"Content-Length: {len(body)}\r\nX-Forwarded-For: 198.51.100.9\r\nConnection: close\r\n\r\n").encode() + body, source=proxied_site.proxies[0])
    assert b" 201 " in read_all(connection).split(b"\r\n")[0]
    assert last(proxied_site, "token.create")["peer"] == "198.51.100.9"


@pytest.mark.parametrize("forwarded", ["unknown", "", "1" * 8000, "198.51.100.7,", "198.51.100.7:x", "[2001:db8::7", "198.51.100.7, proxy.example"])
def test_what_a_proxy_tells_and_is_no_address_leaves_its_own(proxied_site, forwarded):
    machine = proxied_site.token("admin", "through-proxy")
    machine.source = proxied_site.proxies[0]
    machine.post("/tokens", {"name": "malformed", "role": "viewer"}, headers={"X-Forwarded-For": forwarded})
    assert last(proxied_site, "token.create")["peer"] == proxied_site.proxies[0]
    proxied_site.local.delete("/tokens/malformed")


def test_who_is_no_trusted_proxy_cannot_take_another_address(proxied_site, site):
    for one in (proxied_site, site):
        attacker = one.nobody()
        answers = [attacker.ask("POST", "/session", {"user": f"nobody-{i}", "password": "a guess"}, headers={"X-Forwarded-For": f"198.51.100.{i}"}).status for i in range(7)]
        assert answers[:5] == [401] * 5 and 429 in answers
        assert f"user=(unknown) peer={attacker.source}" in one.log("gateway")


def test_a_wrong_old_password_ends_no_session_and_counts_as_a_try(site):
    client = site.user("mistaken", "viewer")
    client.source = address()
    wrong = client.ask("PUT", "/session/password", {"old": "not the right one", "new": NEW_PASSWORD})
    assert (wrong.status, wrong.json["code"], wrong.problem) == (422, "WrongPassword", "the password until now is wrong")
    assert client.get("/session")["user"] == "mistaken"
    late = until(lambda: (a := client.ask("PUT", "/session/password", {"old": "not the right one", "new": NEW_PASSWORD})).status == 429 and a, "the next try has to wait")
    assert late.json["retryAfter"] >= 1


def test_a_name_that_is_none_is_answered_as_one_that_is(site):
    site.local.post("/users", {"name": "real", "role": "viewer", "password": PASSWORD})
    answers = [site.nobody().ask("POST", "/session", {"user": name, "password": "not the right one"}) for name in ("real", "unreal")]
    assert answers[0].body == answers[1].body and {a.status for a in answers} == {401}


def test_wrong_tokens_make_the_address_wait_and_a_right_one_never(site):
    guesser, right = Client(site, token="B" * 43, source=address()), site.token("viewer", "right")
    answers = [guesser.ask("GET", "/overview") for _ in range(8)]
    assert [a.status for a in answers[:5]] == [401] * 5 and answers[-1].status == 429 and 0 < int(answers[-1].headers["Retry-After"]) <= 2
    right.source = guesser.source
    assert right.get("/overview")
    right.token = None
    assert right.ask("GET", "/overview").status == 401, "who shows none is told to log in"


# ---- the audit log ----

def last(site, action):
    return next(row for row in site.local.items(f"/audit?q={action}") if row["action"] == action)


def test_what_is_changed_is_written_down_without_secrets(site):
    secrets = []
    admin = site.user("auditor", "admin")
    admin.post("/users", {"name": "written", "role": "viewer", "password": "a secret sentence"})
    row = last(site, "user.create")
    assert (row["user"], row["role"], row["target"], row["after"]["role"]) == ("auditor", "admin", "written", "viewer")
    assert row["peer"].startswith("127.") and "before" not in row
    admin.put("/users/written", {"role": "operator", "password": "a new secret sentence"})
    row = last(site, "user.change")
    assert (row["before"]["role"], row["after"]["role"]) == ("viewer", "operator")
    admin.delete("/users/written")
    assert last(site, "user.delete")["before"]["role"] == "operator"
    secrets.append(admin.post("/tokens", {"name": "written", "role": "operator"})["token"])
    assert last(site, "token.create")["after"]["role"] == "operator"
    machine = Client(site, token=secrets[0])
    machine.post("/stations/CS1/limits", {"limit": 16, "unit": "A"})
    row = last(site, "station.limit")
    assert (row["user"], row["role"], row["target"], row["after"]["limit"]) == ("written", "operator", "CS1", 16)
    machine.post("/stations/CS1/limits", {"release": True})
    admin.delete("/tokens/written")
    assert last(site, "token.delete")["before"]["role"] == "operator"
    admin.ask("POST", "/stations/CS1/requests", {"action": "SetVariables", "payload": {"setVariableData": [
        {"attributeValue": "a-secret-of-the-station-1", "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}]}})
    assert last(site, "station.request")["after"]["action"] == "SetVariables"
    config = admin.get("/config")
    changed = config["text"].replace("password: a-password-of-16-or-more", "password: a-changed-password-of-16")
    admin.put("/config", {"text": changed, "etag": config["etag"]})
    assert "+" in last(site, "config")["after"]["diff"]
    admin.post("/reload")
    assert last(site, "reload")["user"] == "auditor"
    site.local.post("/tokens", {"name": "by-local", "role": "viewer"})
    assert (last(site, "token.create")["user"], last(site, "token.create")["peer"]) == ("local", "")
    assert last(site, "session.begin")["target"] == "auditor"
    text, log = site.local.ask("GET", "/audit?limit=1000").text, site.log("gateway")
    for secret in [*secrets, "a secret sentence", "a new secret sentence", PASSWORD, "a-secret-of-the-station-1", "a-changed-password-of-16", "a-password-of-16-or-more",
                   admin.csrf, admin.cookie.split("=")[1]]:
        assert secret not in text and secret not in log


def test_the_first_admin_is_written_down_too():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        Client(site).post("/setup", {"token": site.setup_token(), "user": "first", "password": PASSWORD})
        row = last(site, "user.create")
        assert (row["user"], row["target"], row["after"]["role"]) == ("first", "first", "admin")
        assert PASSWORD not in site.local.ask("GET", "/audit").text


def test_what_was_before_is_written_down(site):
    site.local.post("/stations/CS1/limits", {"limit": 16, "unit": "A", "evse": 1, "source": "SO"})
    site.local.post("/stations/CS1/limits", {"limit": 10, "unit": "A", "evse": 1, "source": "SO"})
    assert last(site, "station.limit")["before"] == {"evse": 1, "source": "SO", "unit": "A", "limit": 16}
    site.local.post("/stations/CS1/limits", {"release": True, "evse": 1, "source": "SO"})
    assert last(site, "station.limit")["before"]["limit"] == 10
    site.local.post("/stations/CS1/probe", {"kind": "holding", "address": 300, "words": [120], "write": True, "confirmed": True, "force": True})
    answer = site.local.post("/stations/CS1/probe", {"kind": "holding", "address": 300, "words": [110], "write": True, "confirmed": True, "force": True})
    row = last(site, "station.probe")
    assert row["before"]["raw"] == answer["before"] == "0078" and row["after"]["raw"] == "006E" and row["after"]["words"] == [110]
    site.local.post("/csms", {"name": "gone", "url": "ws://127.0.0.1:1/gone", "security_profile": 0})
    site.local.delete("/csms/gone")
    assert last(site, "csms.remove")["before"] == {"url": "ws://127.0.0.1:1/gone", "security_profile": 0}


@pytest.mark.parametrize("request_, outcome", [
    ({"action": "ChangeAvailability", "payload": {"operationalStatus": "Operative"}}, {"status": "Accepted"}),
    ({"action": "CancelReservation", "payload": {"reservationId": 4711}}, {"status": "Rejected"}),
    ({"action": "Reset", "payload": {"type": "Gently"}}, {"code": "PropertyConstraintViolation"}),
    ({"action": "NoSuchAction"}, {"code": "NotImplemented"}),
    ({"action": "SetVariables", "payload": {"setVariableData": [
        {"attributeValue": "60", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}},
        {"attributeValue": "60", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}, "attributeType": "MaxSet"},
        {"attributeValue": "1", "component": {"name": "NoSuchCtrlr"}, "variable": {"name": "Any"}}]}}, {"status": "Accepted, NotSupportedAttributeType, UnknownComponent"}),
], ids=lambda row: row.get("action", ""))
def test_a_request_is_written_down_with_what_became_of_it(site, request_, outcome):
    site.local.ask("POST", "/stations/CS1/requests", {**request_, "status": "a lie", "code": "another"})
    assert last(site, "station.request")["after"] == {**request_, **outcome}


@pytest.mark.parametrize("request_", [
    {"action": "GetLocalListVersion", "payload": {}},
    {"action": "GetVariables", "payload": {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}},
    {"action": "GetBaseReport", "payload": {"requestId": 1, "reportBase": "SummaryInventory"}},
    {"action": "GetCompositeSchedule", "payload": {"evseId": 1, "duration": 60}},
    {"action": "GetTransactionStatus", "payload": {}},
], ids=lambda row: row["action"])
def test_a_request_that_only_reads_is_no_change(site, request_):
    before = site.local.get("/audit")["total"]
    site.local.post("/stations/CS1/requests", request_)
    assert site.local.get("/audit")["total"] == before


def test_a_write_that_the_gateway_refused_is_no_change(site):
    count = site.local.get("/audit")["total"]
    site.local.ask("POST", "/stations/CS1/probe", {"kind": "holding", "address": 300, "words": [110], "write": True, "confirmed": True})
    assert site.local.get("/audit")["total"] == count


def test_a_reload_says_which_stations_it_changed(site):
    path = site.directory / "gateway.yaml"
    text = path.read_text()
    path.write_text(text.replace("id: CS1", "id: CS1-new"))
    site.local.post("/reload")
    path.write_text(text)
    site.local.post("/reload")
    after = last(site, "reload")["after"]
    assert (after["added"], after["removed"], after["changed"]) == (["CS1"], ["CS1-new"], [])


def test_what_was_refused_is_not_written_down_as_done(site):
    before = site.local.get("/audit")["total"]
    viewer = site.token("viewer", "refused")
    made = site.local.get("/audit")["total"] - before
    viewer.ask("POST", "/tokens", {"name": "x", "role": "admin"})
    viewer.ask("DELETE", "/users/auditor")
    site.local.ask("DELETE", "/users/nobody")
    site.local.ask("PUT", "/config", {"text": "nonsense: 1", "etag": "x"})
    site.local.ask("POST", "/stations/CS1/limits", {"limit": -1, "unit": "A"})
    assert site.local.get("/audit")["total"] == before + made


def test_a_reload_by_signal_is_written_down(site):
    site.processes["gateway"].send_signal(signal.SIGHUP)
    until(lambda: site.local.items("/audit?q=SIGHUP"), "the reload stands in the audit log")
    row = last(site, "reload")
    assert (row["user"], row["role"], row["after"]) == ("local", "admin", {"changed": [], "added": [], "removed": []})


def test_the_audit_log_stays_over_a_restart_and_is_for_admins(site):
    before = site.local.items("/audit")
    site.end("gateway")
    site.start_gateway()
    assert site.local.items("/audit")[-len(before):][-1] == before[-1]
    assert site.token("operator", "curious").ask("GET", "/audit").status == 403
