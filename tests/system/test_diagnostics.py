"""Logs that the CSMS asks for (N01), over the real programs and file servers that no one here wrote."""
import io
import json
import re
import subprocess
import tarfile
import threading
import time

import pytest

from file_servers import FtpFiles, HttpFiles, SftpFiles, make_certificate
from harness import PASSWORD, ROOT, Site, until


def ask(site, url, kind="DiagnosticsLog", request=1, station="CS1", expected="Accepted", **more):
    answer = site.csms.call(station, "GetLog", {"logType": kind, "requestId": request, "retries": 0,
                                                "log": {"remoteLocation": url}, **more})
    assert answer["status"] == expected, answer
    return answer.get("filename")


def members(path):
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as archive:
        return {m.name: archive.extractfile(m).read().decode() for m in archive}


def left_over(site):
    return list((site.directory / "state").glob("upload-*"))


def one_station(site, name="CS1"):
    site.station(name, site.tcp_charger())
    site.start()


@pytest.mark.parametrize("kind", [HttpFiles, FtpFiles, SftpFiles])
def test_the_diagnostics_log_arrives_whole_and_without_secrets(tmp_path, kind):   # N01.FR.02, N01.FR.04, N01.FR.14
    server = kind(tmp_path)
    try:
        with Site() as site:
            site.log_level = "debug"
            site.station("CS2", site.tcp_charger("tcp2", 15021), SecurityCtrlr__OrganizationName="Example")
            one_station(site)
            site.csms.call("CS1", "SetVariables", {"setVariableData": [
                {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
                 "attributeValue": "another-password-of-16"}]})
            until(lambda: len(site.csms.headers) >= 3, "it is back with its new password")
            until(lambda: "CS1" in site.csms.connections, "the link")
            name = ask(site, server.url)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=1)
            assert [p["status"] for p in site.csms.heard("CS1", "LogStatusNotification")] == ["Uploading", "Uploaded"]
            texts = members(tmp_path / name)
            assert set(texts) == {"gateway.log", "status.json", "variables.json", "configuration.json", "device-frames.txt"}
            assert "station=CS1" in texts["gateway.log"] and "CS2" not in texts["gateway.log"]
            assert json.loads(texts["status.json"])["id"] == "CS1"
            assert any(i["variable"]["name"] == "HeartbeatInterval" for i in json.loads(texts["variables.json"]))
            assert json.loads(texts["configuration.json"])["csms"]["securityProfile"] == 1
            assert " sent " in texts["device-frames.txt"] and " received " in texts["device-frames.txt"]
            whole = "".join(texts.values())
            assert PASSWORD not in whole and "another-password-of-16" not in whole and "Example" not in whole
            assert "secret-of" not in site.log("gateway")
            until(lambda: not left_over(site), "the file is removed")
    finally:
        server.stop()


def test_a_key_code_is_in_no_log(tmp_path):   # C04.FR.04
    """Nor in the frames of the device it was read from."""
    code = "73915468"
    server = HttpFiles(tmp_path)
    try:
        with Site() as site:
            site.log_level = "debug"
            profile = (ROOT / "profiles/demo-modbus-ac22.yaml").read_text()
            assert "type: ISO14443" in profile
            (site.directory / "code-ac22.yaml").write_text(
                profile.replace("demo-modbus-ac22", "code-ac22").replace("type: ISO14443", "type: KeyCode"))
            site.station("CS1", site.tcp_charger().replace("demo-modbus-ac22", "code-ac22"))
            site.start()
            site.ask(f"tap tcp1 {code}")
            site.csms.expect("CS1", "Authorize", idToken={"idToken": code, "type": "KeyCode"})
            name = ask(site, server.url)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=1)
            whole = "".join(members(tmp_path / name).values()) + site.log("gateway")
            assert code not in whole and code.encode().hex() not in whole.lower()
    finally:
        server.stop()


def test_logs_in_json_and_frames_of_echonet_lite(tmp_path):   # N01.FR.04
    server = HttpFiles(tmp_path)
    try:
        with Site() as site:
            site.log_level = "debug, format: json"
            site.station("CS2", site.tcp_charger("tcp2", 15021))
            site.station("CS1", site.echonet_charger())
            site.start()
            name = ask(site, server.url)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded")
            texts = members(tmp_path / name)
            lines = [json.loads(line) for line in texts["gateway.log"].splitlines()]
            assert any(line.get("fields", {}).get("station") == "CS1" for line in lines) and "CS2" not in texts["gateway.log"]
            frames = texts["device-frames.txt"].splitlines()[1:]
            assert frames and all(" 1081" in f for f in frames if " received " in f)   # EHD1, EHD2

            asked = time.strptime(re.search(r"-(\d{8}T\d{6}Z)\.", name)[1], "%Y%m%dT%H%M%SZ")       # by the station's clock
            log = {"remoteLocation": f"{server.url}part.tar.gz", "oldestTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", asked)}
            ask(site, "", request=2, log=log)      # of the beginning nothing
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=2)
            times = [json.loads(line)["time"] for line in members(tmp_path / "part.tar.gz")["gateway.log"].splitlines()]
            assert times and min(times) >= log["oldestTimestamp"][:-1]
    finally:
        server.stop()


def test_the_security_log_has_every_event(tmp_path):   # N01.FR.03, A04.FR.04
    server = HttpFiles(tmp_path)
    try:
        with Site() as site:
            one_station(site)
            site.csms.expect("CS1", "SecurityEventNotification", type="StartupOfTheDevice")
            site.end("gateway")
            site.start_gateway()
            site.csms.expect("CS1", "SecurityEventNotification", count=2, type="StartupOfTheDevice")
            name = ask(site, server.url, "SecurityLog", request=0)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=0)
            texts = members(tmp_path / name)
            assert set(texts) == {"security.log"}
            assert texts["security.log"].count("StartupOfTheDevice critical=yes") == 2
            for kind in ("SecurityLog", "DiagnosticsLog"):     # N01.FR.05: a time before everything
                ask(site, "", kind, request=2, expected="Rejected",
                    log={"remoteLocation": f"{server.url}none.tar.gz", "latestTimestamp": "2020-01-01T00:00:00Z"})
            for request, kind in enumerate(("SecurityLog", "DiagnosticsLog"), 3):     # a name of the CSMS's choice
                log = {"remoteLocation": f"{server.url}{kind}", "oldestTimestamp": "2020-01-01T00:00:00Z"}
                ask(site, "", kind, request=request, log=log)
                site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=request)
                assert "StartupOfTheDevice" in "".join(members(tmp_path / kind).values())
    finally:
        server.stop()


def test_https_is_trusted_by_the_roots_of_the_csms(tmp_path):   # N01.FR.15
    cert, key = make_certificate(tmp_path)
    server = HttpFiles(tmp_path, tls=(cert, key))
    try:
        with Site() as site:
            site.csms_options = f", ca_file: {cert}"
            one_station(site)
            name = ask(site, server.url)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded")
            assert members(tmp_path / name)
        with Site() as site:
            one_station(site)
            ask(site, server.url)
            site.csms.expect("CS1", "LogStatusNotification", status="UploadFailure")
    finally:
        server.stop()


def test_https_is_trusted_by_the_roots_of_the_system_too(tmp_path):   # N01.FR.16
    roots = tmp_path / "certs"
    roots.mkdir()
    swap = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" /etc/ssl/certs && exec "$@"', str(roots)]
    if subprocess.run([*swap, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    cert, key = make_certificate(tmp_path)
    other = make_certificate(tmp_path, "other")[0]
    (roots / "ca-certificates.crt").write_text(cert.read_text())
    subprocess.run(["openssl", "rehash", roots], check=True, capture_output=True)
    server = HttpFiles(tmp_path, tls=(cert, key))
    try:
        for options in ("", f", ca_file: {other}"):     # that of the CSMS is another
            with Site() as site:
                site.csms_options = options
                site.prefix = swap
                one_station(site)
                name = ask(site, server.url)
                site.csms.expect("CS1", "LogStatusNotification", status="Uploaded")
                assert members(tmp_path / name)
    finally:
        server.stop()


def test_each_failure_has_its_name(tmp_path):   # N01.FR.10
    server = HttpFiles(tmp_path)
    try:
        with Site() as site:
            one_station(site)
            server.faults.update({"/403": 403, "/404": 404, "/405": 405, "/400": 400, "/500": 500})
            for request, (path, status) in enumerate([("403", "PermissionDenied"), ("404", "UploadFailure"), ("400", "BadMessage"),
                                                      ("405", "NotSupportedOperation"), ("500", "UploadFailure")]):
                ask(site, f"{server.url}{path}", request=request)
                site.csms.expect("CS1", "LogStatusNotification", status=status, requestId=request)
            ask(site, "http://127.0.0.1:1/", request=9, retries=2, retryInterval=1)
            site.csms.expect("CS1", "LogStatusNotification", status="UploadFailure", requestId=9)
            until(lambda: not left_over(site), "no file is left")
            assert "secret" not in site.log("gateway")
    finally:
        server.stop()


def test_a_second_request_breaks_the_first_off_and_the_station_goes_on_meanwhile(tmp_path):   # N01.FR.12, N01.FR.20, F06.FR.14
    server = HttpFiles(tmp_path)
    server.hold = threading.Event()
    try:
        with Site() as site:
            one_station(site)
            ask(site, f"{server.url}first.tar.gz")
            site.csms.expect("CS1", "LogStatusNotification", status="Uploading", requestId=1)
            until(lambda: server.requests, "the upload waits for its answer")
            site.csms.call("CS1", "TriggerMessage", {"requestedMessage": "LogStatusNotification"})
            site.csms.expect("CS1", "LogStatusNotification", count=2, status="Uploading", requestId=1)
            site.ask("plug tcp1")                      # nothing waits for the file server
            site.csms.status("CS1", 1, "Occupied")
            ask(site, f"{server.url}second.tar.gz", request=2, expected="AcceptedCanceled")
            site.csms.expect("CS1", "LogStatusNotification", status="AcceptedCanceled", requestId=1)
            site.csms.expect("CS1", "LogStatusNotification", status="Uploading", requestId=2)
            server.hold.set()
            site.csms.expect("CS1", "LogStatusNotification", status="Uploaded", requestId=2)
            assert members(tmp_path / "second.tar.gz")
            assert not site.csms.heard("CS1", "LogStatusNotification", status="Uploaded", requestId=1)
    finally:
        server.hold.set()
        server.stop()


def test_the_program_ends_and_reloads_while_a_log_is_on_its_way(tmp_path):
    server = HttpFiles(tmp_path)
    server.hold = threading.Event()
    try:
        with Site() as site:
            one_station(site)
            ask(site, f"{server.url}first.tar.gz")
            until(lambda: server.requests, "the upload waits for its answer")
            (site.directory / "gateway.yaml").write_text(site.config().replace('TxUpdatedInterval: "1"', 'TxUpdatedInterval: "2"'))
            assert site.cli("reload")[0] == 0          # the station is made anew
            site.csms.expect("CS1", "BootNotification", count=2)
            until(lambda: not left_over(site), "the file is removed")
            until(lambda: site.csms.connections.get("CS1"), "the link")
            until(lambda: len(site.csms.heard("CS1", "StatusNotification")) >= 2, "booted")
            ask(site, f"{server.url}second.tar.gz", request=2)
            until(lambda: len(server.requests) >= 2, "the next waits, too")
            site.end("gateway")
            assert not left_over(site)
    finally:
        server.hold.set()
        server.stop()


def test_a_file_left_by_a_power_cut_is_removed():
    with Site() as site:
        (site.directory / "state").mkdir(mode=0o700)
        (site.directory / "state" / "upload-abcdef.tar.gz").write_bytes(b"half")
        one_station(site)
        assert not left_over(site)
