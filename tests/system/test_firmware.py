"""Firmware updates with the real programs: loaded, verified, installed by a hook; power cuts in between; stations that share an image."""
import os
import signal
import threading

import pytest

from file_servers import HttpFiles, make_certificate
from firmware_images import Manufacturer, image, prepare, restarted
from harness import Site, until

STATUSES = "FirmwareStatusNotification"


@pytest.fixture
def maker():
    return Manufacturer()


@pytest.fixture
def site(maker, tmp_path):
    with Site() as site:
        site.station("FW1", site.tcp_charger("tcp1", 15020))
        site.station("FW2", site.tcp_charger("tcp2", 15021))
        prepare(site, maker)
        site.files = tmp_path / "files"
        site.files.mkdir()
        for kind in ("now", "restart", "rollback", "unsuitable", "broken"):
            (site.files / kind).write_bytes(image(kind))
        site.server = HttpFiles(site.files)
        yield site
        site.server.stop()


def update(site, maker, kind, station="FW1", expected="Accepted", **options):
    url = options.pop("url", site.server.url + kind)
    answer = site.csms.call(station, "UpdateFirmware", maker.request(url, image(kind), **options))
    assert answer["status"] == expected, answer


def told(site, station="FW1", request_id=1):
    return [p["status"] for p in site.csms.heard(station, STATUSES) if p.get("requestId") == request_id]


def expect(site, status, station="FW1", request_id=1):
    return site.csms.expect(station, STATUSES, status=status, requestId=request_id)


def hook_log(site):
    path = site.directory / "hook.log"
    return path.read_text().splitlines() if path.exists() else []


def hook_pid(site):
    path = site.directory / "hook.pid"
    return int(until(lambda: path.exists() and path.read_text(), "the hook begins"))


WAY = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting"]


def test_an_image_that_is_in_force_at_once(site, maker):   # L01.FR.01, L01.FR.04, L01.FR.28, L01.FR.31
    site.start()
    update(site, maker, "now")
    expect(site, "Installed")
    assert told(site) == WAY + ["Installed"]
    assert hook_log(site) == [f"install {site.directory}/image"]
    site.csms.expect("FW1", "BootNotification", reason="FirmwareUpdate")
    site.csms.expect("FW1", "SecurityEventNotification", type="FirmwareUpdated")
    assert "hook says: program=" in site.log("gateway") and "installing now" in site.log("gateway")
    until(lambda: not list(site.directory.glob("image*")), "the image stays")


def test_an_image_that_needs_a_restart(site, maker):   # L01.FR.32
    site.start()
    update(site, maker, "restart")
    restarted(site)
    expect(site, "Installed")
    assert told(site) == WAY + ["Installed"]
    site.csms.expect("FW1", "BootNotification", reason="FirmwareUpdate")
    site.csms.expect("FW1", "SecurityEventNotification", type="FirmwareUpdated")


@pytest.mark.parametrize("kind,last", [("rollback", "InstallationFailed"), ("unsuitable", "InstallVerificationFailed"),
                                       ("broken", "InstallationFailed")])
def test_what_does_not_come_into_force(site, maker, kind, last):   # L01.FR.29
    site.start()
    update(site, maker, kind)
    if kind == "rollback":
        restarted(site)
    expect(site, last)
    assert not site.csms.heard("FW1", "SecurityEventNotification", type="FirmwareUpdated")


def test_a_wrong_signature(site, maker):   # L01.FR.03, L01.FR.12
    site.start()
    update(site, maker, "now", signature=maker.sign(b"something else"))
    expect(site, "InvalidSignature")
    site.csms.expect("FW1", "SecurityEventNotification", type="InvalidFirmwareSignature")
    assert hook_log(site) == [] and "the signature does not fit the image" in site.log("gateway")
    until(lambda: not list(site.directory.glob("image*")), "the image stays")


def test_certificates_that_are_not_taken(site, maker):   # L01.FR.02, L01.FR.22
    (site.directory / "revoked.pem").write_text(maker.revoke())
    site.start()
    other = Manufacturer("someone else")
    update(site, other, "now", expected="InvalidCertificate")
    update(site, Manufacturer("manufacturer", days=-1), "now", expected="InvalidCertificate")
    site.csms.expect("FW1", "SecurityEventNotification", type="InvalidFirmwareSigningCertificate")
    update(site, maker, "now", certificate=None, signature=None, expected="Rejected")
    site.end("gateway")
    prepare(site, maker, f", crl: {site.directory}/revoked.pem")
    site.start_gateway()
    site.csms.expect("FW1", "BootNotification", count=2)
    site.csms.status("FW1", 1, "Available")
    update(site, maker, "now", expected="RevokedCertificate")


def test_places_that_cannot_be(site, maker):
    site.start()
    for url in ("file:///etc/passwd", "nonsense", "gopher://x/y"):
        update(site, maker, "now", url=url, expected="Rejected")
    update(site, maker, "now", url=site.server.url + "none", retries=0)
    expect(site, "DownloadFailed")   # L01.FR.30
    prepare(site, maker, ", max_size: 1000")
    site.end("gateway")
    site.start_gateway()
    site.csms.expect("FW1", "BootNotification", count=2)
    site.csms.status("FW1", 1, "Available", after=1)
    update(site, maker, "now", request_id=2, retries=0)
    expect(site, "DownloadFailed", request_id=2)


@pytest.mark.parametrize("whose", ["firmware", "csms", "both"])
def test_over_https(site, maker, tmp_path, whose):   # L01.FR.08, L02.FR.05
    """The server is trusted by roots of its own, or by those of the CSMS."""
    tls, other = make_certificate(tmp_path), make_certificate(tmp_path, "other")
    server = HttpFiles(site.files, tls=tls)
    prepare(site, maker, {"firmware": f", ca_file: {tls[0]}", "csms": "", "both": f", ca_file: {other[0]}"}[whose])
    if whose != "firmware":
        site.csms_options = f", ca_file: {tls[0]}"
    site.start()
    update(site, maker, "now", url=server.url + "now")
    expect(site, "Installed")
    server.stop()


def test_stations_share_an_image(site, maker):
    """Loaded once, installed once, when both are ready; another image is refused meanwhile."""
    site.start()
    (site.directory / "hold").touch()
    for station in ("FW1", "FW2"):
        update(site, maker, "restart", station=station, install=3)
    update(site, maker, "now", station="FW2", expected="Rejected", request_id=9)
    expect(site, "Installing", "FW2")
    update(site, maker, "restart", station="FW2", expected="Rejected", request_id=10)
    (site.directory / "hold").unlink()
    restarted(site)
    for station in ("FW1", "FW2"):
        expect(site, "Installed", station)
    assert len([r for r in site.server.requests if r[0] == "GET"]) == 1
    assert [line.split()[0] for line in hook_log(site)] == ["install", "confirm"]


def test_a_station_that_is_taken_away_is_not_waited_for(site, maker):
    site.start()
    update(site, maker, "now", station="FW2", install=3600)
    update(site, maker, "now")
    expect(site, "InstallScheduled")   # ready, and waits for the other
    expect(site, "InstallScheduled", "FW2")
    del site.stations[1]
    (site.directory / "gateway.yaml").write_text(site.config())
    assert site.cli("reload")[0] == 0
    expect(site, "Installed")
    assert [line.split()[0] for line in hook_log(site)] == ["install"]


def test_who_comes_too_late_waits_for_the_next_time(site, maker):
    site.start()
    (site.directory / "hold").touch()
    update(site, maker, "now")
    expect(site, "Installing")
    update(site, maker, "now", station="FW2", expected="Rejected")
    (site.directory / "hold").unlink()
    expect(site, "Installed")
    update(site, maker, "now", station="FW2")
    expect(site, "Installed", "FW2")


def test_a_reload_in_the_middle_changes_nothing(site, maker):
    site.start()
    site.server.hold = threading.Event()
    update(site, maker, "now")
    expect(site, "Downloading")
    site.stations[0][2]["OCPPCommCtrlr.HeartbeatInterval"] = 77   # a station that changed is made anew
    (site.directory / "gateway.yaml").write_text(site.config())
    code, output, problems = site.cli("reload")
    assert code == 0, output + problems
    site.server.hold.set()
    expect(site, "Installed")
    assert told(site)[-2:] == ["InstallRebooting", "Installed"]


@pytest.mark.parametrize("phase", ["Downloading", "SignatureVerified", "InstallScheduled", "Installing", "InstallRebooting"])
def test_a_power_cut_in_each_phase(site, maker, phase):   # L01.FR.05, L01.FR.16, L01.FR.28
    site.start()
    if phase == "Downloading":
        site.server.faults["/restart"] = "stall"
    if phase == "Installing":
        (site.directory / "hold").touch()
    update(site, maker, "restart", install=6 if phase in ("InstallScheduled", "SignatureVerified") else None)
    expect(site, phase)
    site.kill("gateway")
    site.server.faults.clear()
    if phase == "Installing":   # what the power cut leaves of it
        os.kill(hook_pid(site), signal.SIGKILL)
        (site.directory / "hold").unlink()
    site.start_gateway()
    if phase == "Installing":
        expect(site, "InstallationFailed")
        return
    if phase != "InstallRebooting":
        restarted(site)
    expect(site, "Installed")
    site.csms.expect("FW1", "SecurityEventNotification", type="FirmwareUpdated")


@pytest.mark.parametrize("phase,last", [("Downloading", "Installed"), ("Installing", "InstallationFailed")])
def test_an_end_in_order_in_the_middle(site, maker, phase, last):
    site.start()
    (site.directory / "hold").touch()
    if phase == "Downloading":
        site.server.faults["/now"] = "stall"
    update(site, maker, "now")
    expect(site, phase)
    pid = hook_pid(site) if phase == "Installing" else None
    site.end("gateway")
    if pid:
        with pytest.raises(ProcessLookupError):
            until(lambda: os.kill(pid, 0), "the hook ends", 5)   # it went with the gateway
    (site.directory / "hold").unlink()
    site.server.faults.clear()
    site.start_gateway()
    expect(site, last)


def test_a_reload_does_not_kill_what_installs(site, maker):
    site.start()
    (site.directory / "hold").touch()
    update(site, maker, "now")
    expect(site, "Installing")
    (site.directory / "gateway.yaml").write_text(site.config().replace('TxUpdatedInterval: "1"', 'TxUpdatedInterval: "2"'))
    code, _, said = site.cli("reload")
    assert code == 1 and "FW1" in said and "firmware is being installed" in said, said
    os.kill(hook_pid(site), 0)
    (site.directory / "hold").unlink()
    expect(site, "Installed")
    assert site.cli("reload")[0] == 0


def test_devices_with_a_hook_of_their_own(maker, tmp_path):
    """The profile names it; it runs once for each charger, and knows which."""
    with Site() as site:
        chargers = [site.tcp_charger(f"tcp{n}", 15020 + n).replace("demo-modbus-ac22", "hooked") for n in (1, 2)]
        site.station("FW1", *chargers)
        prepare(site, maker, slot=False)
        (site.directory / "hooked.yaml").write_text(
            f"profile: hooked\nextends: demo-modbus-ac22\nfirmware_hook: [{site.directory}/hook]\n")
        (tmp_path / "now").write_bytes(image("now"))
        server = HttpFiles(tmp_path)
        site.start()
        answer = site.csms.call("FW1", "UpdateFirmware", maker.request(server.url + "now", image("now")))
        assert answer["status"] == "Accepted"
        site.csms.expect("FW1", STATUSES, status="Installed")
        place = f"install {site.directory}/state/firmware-FW1.image {site.sim_address}"
        assert hook_log(site) == [f"{place}:15021 1", f"{place}:15022 1"]
        server.stop()


def test_without_a_place_for_firmware(maker):
    with Site() as site:
        site.station("FW1", site.tcp_charger())
        site.start()
        answer = site.csms.call("FW1", "UpdateFirmware", maker.request("http://127.0.0.1:1/x", b"x"))
        assert answer["status"] == "Rejected"
        assert "firmware update is refused: station=FW1 why=UnsupportedRequest" in site.log("gateway")
        answer = site.csms.call("FW1", "TriggerMessage", {"requestedMessage": STATUSES})
        assert answer["status"] == "NotImplemented"


def test_a_hook_knows_little_and_says_little(site, maker):
    hook = site.directory / "hook"
    hook.write_text(f"#!/bin/sh\nenv >{site.directory}/environment\npwd >>{site.directory}/environment\n"
                    "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i + 1)); done; printf '\\033[2Jred'; exec >&-; exit 0\n")
    site.environment = {"SECRET_OF_THE_GATEWAY": "x"}
    site.start()
    update(site, maker, "now")
    expect(site, "Installed")
    lines = (site.directory / "environment").read_text().splitlines()
    assert {line.split("=")[0] for line in lines[:-1]} <= {"PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"} and lines[-1] == "/"
    said = [line for line in site.log("gateway").splitlines() if "hook says" in line]
    assert 200 <= len(said) <= 202 and "\033" not in site.log("gateway")


def test_a_hook_that_is_not_there(site, maker):
    (site.directory / "hook").unlink()
    site.start()
    assert f"the hook that installs firmware cannot be run: program={site.directory}/hook" in site.log("gateway")
    update(site, maker, "now")
    expect(site, "InstallationFailed")


def test_a_hook_that_takes_too_long_is_killed(site, maker):
    prepare(site, maker, ", timeout: 1s")
    (site.directory / "hold").touch()
    site.start()
    update(site, maker, "now")
    expect(site, "InstallationFailed")
    with pytest.raises(ProcessLookupError):
        os.kill(hook_pid(site), 0)
