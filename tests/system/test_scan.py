"""`ocpp-cli scan modbus` and `probe`: looking at devices by hand, with and without a gateway."""
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness import BUILD, ROOT, Site, address, until
from management import ManagedSite

PROFILES = str(ROOT / "profiles")


def cli(*arguments, timeout=60):
    done = subprocess.run([str(BUILD / "ocpp-cli"), *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def site():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        yield site


def scan(*arguments):
    code, output, problems = cli("--json", "scan", "modbus", "--profiles", PROFILES, *arguments)
    return code, json.loads(output) if output else None, problems


def test_the_model_is_found_behind_an_address(site):
    site.start_sim()
    code, found, problems = scan(f"{site.sim_address}:15020")
    assert (code, problems) == (0, "") and [u["unit"] for u in found] == [1]
    best = found[0]["profiles"]
    alike = {"demo-modbus-ac22", "demo-modbus-phases"}      # a model of its own, and the same with a relay for its phases
    assert {p["profile"] for p in best[:2]} == alike and all(p["score"] == 100 and p["identified"] for p in best[:2])
    assert best[2]["score"] < 70
    text = cli("scan", "modbus", "--profiles", PROFILES, f"{site.sim_address}:15020")[1]
    assert re.search(rf'chargers: \[ {{ profile: demo-modbus-\w+, tcp: "{site.sim_address}:15020", unit: 1 }} \]', text)


def test_line_settings_and_unit_are_found_on_a_serial_line():
    with Site() as site:
        site.rtu_charger()
        site.start_sim()
        code, found, problems = scan(site.directory / "line", "--units", "5-8")
        assert (code, problems) == (0, "") and [u["unit"] for u in found] == [7]
        assert found[0]["profiles"][0]["profile"] == "demo-modbus-rtu" and found[0]["settings"]["serial"].endswith("/line")


def test_a_line_that_the_gateway_has_is_left_alone():
    with Site() as site:
        site.station("CS1", site.rtu_charger())
        site.start()
        code, found, problems = scan(site.directory / "line")
        assert code == 1 and found == [] and "is it the gateway's?" in problems


def test_many_units_behind_one_address_and_none(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(ROOT / "tests/system/pymodbus_server.py"), "tcp", str(port), "3", "4"], stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        code, found, _ = scan(f"127.0.0.1:{port}", "--units", "2-5")
        assert code == 0 and [u["unit"] for u in found] == [3, 4]
        assert cli("scan", "modbus", "--profiles", PROFILES, "--timeout", "1s", "--units", "9", f"127.0.0.1:{port}")[0] == 1
    finally:
        server.terminate()
        server.wait(10)
    code, _, problems = scan(f"127.0.0.1:{port}")
    assert code == 1 and "cannot be opened: Connection refused" in problems


def test_a_device_that_hangs_up_is_not_asked_any_more():
    listen, connections = address(), []
    server = socket.create_server((listen, 1502))

    def serve():
        while True:
            connection, _ = server.accept()
            connections.append(connection)
            connection.recv(300)
            connection.close()
    threading.Thread(target=serve, daemon=True).start()
    code, found, problems = scan(f"{listen}:1502")
    assert code == 1 and "closed the connection when it was asked" in problems and len(connections) == 1


@pytest.mark.parametrize("arguments", [("--units", "300"), ("--units", "x"), ("--framing", "canbus"), ("--timeout", "soon")])
def test_what_is_asked_wrongly_is_said(arguments):
    code, _, problems = scan("127.0.0.1:9", *arguments)
    assert code == 2 and "expected" in problems


def test_registers_are_read_and_written_without_a_gateway(site):
    site.start_sim()
    at = f"{site.sim_address}:15020"
    code, output, _ = cli("probe", at, "read", "input", 113, 2)
    assert code == 0 and "08FC  u16  2300" in output and "u32" in output
    code, output, problems = cli("probe", at, "write", "holding", 300, 100)
    assert code == 1 and "nothing was written" in problems
    until(lambda: site.show("tcp1")["limit"] == 32, "nothing was written")
    code, output, _ = cli("probe", at, "write", "holding", 300, 100, "--yes")
    assert code == 0 and "written" in output and "0064" in output
    code, _, problems = cli("probe", at, "read", "holding", 4000)
    assert code == 1 and "exception 2 (illegal data address)" in problems
    assert cli("probe", at, "read", "max_current")[0] == 2


def test_a_station_s_device_is_asked_through_the_gateway(site):
    site.start()
    code, output, problems = site.cli("probe", "CS1", "read", "voltage_l1")
    assert (code, problems) == (0, "") and "voltage_l1 (input 113)" in output and "value: 230 V" in output and "08FC" in output
    code, output, _ = site.cli("--json", "probe", "CS1", "read", "input", 113, 2)
    assert json.loads(output)["raw"] == "08FC0902"
    code, _, problems = site.cli("probe", "CS1", "read", "holding", 4000)
    assert code == 1 and "illegal data address" in problems
    code, _, problems = site.cli("probe", "CS9", "read", "voltage_l1")
    assert code == 1 and "no station of this id" in problems
    code, _, problems = site.cli("probe", "CS1", "read", "voltage_l9")
    assert code == 1 and "no such point" in problems


def test_what_starts_a_device_or_wears_it_out_needs_force(site):
    site.start()
    for arguments, why in ((("enable", 1), "start or limit"), (("coil", 5, 1), "start or limit"), (("max_current", 10), "start or limit"),
                           (("holding", 300, 100), "start or limit"), (("watchdog", 90), "setup or keepalive"),
                           (("holding", 311, 90), "setup or keepalive")):
        code, _, problems = site.cli("probe", "CS1", "write", *arguments, "--yes")
        assert code == 1 and "--force" in problems and why in problems, (arguments, problems)
    assert not site.show("tcp1")["enabled"]
    code, output, problems = site.cli("probe", "CS1", "write", "watchdog", 90, "--force")
    assert code == 1 and "nothing was written" in problems and "value: 60 s" in output
    code, output, _ = site.cli("probe", "CS1", "write", "watchdog", 90, "--yes", "--force")
    assert code == 0 and "before: 003C" in output and "now: 005A" in output
    assert re.search(r"written by hand: station=CS1 point=watchdog .*before=003C written=005A after=005A", site.log("gateway"))
    code, _, problems = site.cli("probe", "CS1", "write", "max_current", 10, "--yes", "--force")
    assert code == 0
    until(lambda: site.show("tcp1")["limit"] == 10, "it was written")


def test_points_of_echonet_lite_too():
    with Site() as site:
        site.station("CS1", site.echonet_charger())
        site.start()
        code, output, problems = site.cli("probe", "CS1", "read", "connection")
        assert (code, problems) == (0, "") and "connection (epc 0xC7)" in output and "value: 48" in output
        code, _, problems = site.cli("probe", "CS1", "read", "holding", 1)
        assert code == 1 and "expected a point's name, or an EPC" in problems


def test_properties_by_their_epc():
    with Site() as site:
        site.station("CS1", site.echonet_charger())
        site.start()
        code, output, problems = site.cli("probe", "CS1", "read", "epc", "0x8A")     # no point of the profile
        assert (code, problems) == (0, "") and "epc 0x8A" in output and "raw: FFFFF0" in output
        code, _, problems = site.cli("probe", "CS1", "read", "epc", "0xFA")
        assert code == 1 and "no such property" in problems
        code, output, problems = site.cli("probe", "CS1", "write", "epc", "0x81", "09")
        assert code == 1 and "nothing was written" in problems and "raw: 00" in output
        code, output, _ = site.cli("--json", "probe", "CS1", "write", "epc", "0x81", "09", "--yes")
        assert code == 0 and json.loads(output) == {"at": "epc 0x81", "before": "00", "raw": "09", "station": "CS1", "written": True}
        assert re.search(r"written by hand: station=CS1 point=none unit=1 address=129 before=00 written=09 after=09", site.log("gateway"))
        entry = until(lambda: json.loads(site.cli("--json", "audit")[1])["items"], "it is in the audit log")[0]
        assert (entry["action"], entry["before"], entry["after"]["raw"]) == ("station.probe", {"raw": "00"}, "09")
        code, _, problems = site.cli("probe", "CS1", "write", "epc", "0x8A", "000000", "--yes")
        assert code == 1 and "refuses it" in problems
        for epc, data in (("0xDA", "42"), ("0xED", "0140")):                         # what start and limit write
            code, _, problems = site.cli("probe", "CS1", "write", "epc", epc, data, "--yes")
            assert code == 1 and "--force" in problems
        assert site.cli("probe", "CS1", "read", "epc", "0x7F")[0] == 2
        assert site.cli("probe", "CS1", "write", "epc", "0x81", "zz")[0] == 2
        site.ask("mute echo1 on")
        code, _, problems = site.cli("probe", "CS1", "read", "epc", "0x8A")
        assert code == 1 and "answer" in problems


def test_echonet_lite_nodes_with_their_objects_and_property_maps():
    with Site() as site:
        where = {kind: re.search(r"echonet: (\S+)", site.echonet_charger(f"echo-{kind}", kind))[1] for kind in ("02a1", "027e")}
        site.start_sim()
        code, output, problems = cli("--json", "scan", "echonet", "--interface", site.echonet_address, "--wait", "1s")
        assert (code, problems) == (0, "")
        nodes = {node["host"]: node for node in json.loads(output)}
        assert set(where.values()) <= set(nodes)             # all of this host hear a multicast, so others may be there, too
        charger, = nodes[where["02a1"]]["objects"]
        assert (charger["code"], charger["instance"], charger["profile"], charger["manufacturer"]) == (0x02A1, 1, "echonet-02a1", "FFFFF0")
        can = {p["epc"]: (p["get"], p["set"], p["inf"]) for p in charger["properties"]}
        assert can[0xC7] == (True, False, True) and can[0xDA] == (True, True, True) and can[0xCD] == (False, True, False) and 0xD5 not in can
        assert nodes[where["027e"]]["objects"][0]["profile"] == "echonet-027e" and len(nodes[where["027e"]]["node_id"]) == 34

        text = cli("scan", "echonet", "--interface", site.echonet_address, "--wait", "1s")[1]
        assert f'chargers: [ {{ profile: echonet-02a1, echonet: "{where["02a1"]}", instance: 1 }} ]' in text
        assert re.search(r"0xED +get set +charge current setpoint", text)


def test_no_look_for_nodes_where_the_gateway_has_the_port():
    with Site() as site:
        assert cli("scan", "echonet", "--wait", "soon")[0] == 2
        site.station("CS1", site.echonet_charger())
        site.start()
        code, _, problems = cli("scan", "echonet", "--interface", site.echonet_address)
        assert code == 1 and "is it the gateway's?" in problems


def test_chargers_that_do_not_answer_hold_up_no_others():
    here, nodes, over = address(), [address() for _ in range(8)], threading.Event()
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in nodes]
    for node, at in zip(sockets, nodes):
        node.bind((at, 3610))

    def announce():
        """0x0EF0 tells 0x05FF of one charger, 0x02A1 instance 1; what it is asked is not answered."""
        while not over.wait(0.2):
            for node in sockets:
                node.sendto(bytes.fromhex("1081 0001 0EF001 05FF01 73 01 D5 04 0102A101"), (here, 3610))
    thread = threading.Thread(target=announce)
    thread.start()
    try:
        begin = time.monotonic()
        code, output, problems = cli("--json", "scan", "echonet", "--interface", here, "--wait", "1s")
        seconds = time.monotonic() - begin
    finally:
        over.set()
        thread.join()
        for node in sockets:
            node.close()
    found = {node["host"]: node["objects"] for node in json.loads(output)}
    assert (code, problems) == (0, "") and set(nodes) <= set(found)
    for at in nodes:
        charger, = found[at]
        assert charger["profile"] == "echonet-02a1" and charger["properties"] == [] and charger["complete"]
    assert seconds < 30, f"it took {seconds:.0f} s"     # one after the other it would be 6 s for each


def test_a_line_without_chargers_is_searched_as_it_is_configured():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        for name in ("written", "undecided"):
            site.sim_options += ["--charger", f"name={name},map=rtu7,pty={site.directory}/{name}"]
        site.general += (f"buses: {{ written: {{ serial: {site.directory}/written, line: {{ baud: 9600, parity: even }} }}, "
                         f"undecided: {{ serial: {site.directory}/undecided }} }}\n")
        site.start()

        def search(name):
            target = os.path.realpath(site.directory / name)
            scan = site.local.post("/scans", {"protocol": "modbus", "target": target, "units": "7"}, 202)["id"]
            return until(lambda: (s := site.local.get(f"/scans/{scan}"))["state"] != "running" and s, "the scan is done")
        scan = search("written")
        assert [unit["unit"] for unit in scan["found"]] == [7] and scan["found"][0]["settings"]["bus"] == "written"
        assert "with 9600 baud, 8E1; other settings are not tried" in scan["messages"][0]
        scan = search("undecided")          # the profiles of its chargers will say: so all is tried
        assert [unit["unit"] for unit in scan["found"]] == [7] and "bus" not in scan["found"][0]["settings"]
