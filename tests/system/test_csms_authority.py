"""ocpp-csms as a CSMS of security profile 3, with a small certificate authority, and the gateway as its station."""
import asyncio
import json
import pathlib
import ssl
import subprocess
import sys

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from harness import BUILD, Line, Site, address, until  # noqa: E402
from servers import Authority, certificate_pem, key_pem, name, new_key  # noqa: E402


class Place:
    def __init__(self, path, url):
        self.path, self.url = path, url

    def __truediv__(self, file):
        return self.path / file


@pytest.fixture
def csms(tmp_path):
    """Its directory has root.pem and own.pem, own.key of CS1."""
    authority, listen = Authority("root"), address()
    certificate, key = authority.server(listen)
    (tmp_path / "root.pem").write_text(authority.pem)
    (tmp_path / "root.key").write_text(key_pem(authority.key))
    (tmp_path / "server.pem").write_text(certificate_pem(certificate))
    (tmp_path / "server.key").write_text(key_pem(key))
    certificate, key = authority.client("CS1")
    (tmp_path / "own.pem").write_text(certificate_pem(certificate))
    (tmp_path / "own.key").write_text(key_pem(key))
    command = [BUILD / "ocpp-csms", "-l", f"{listen}:9000", "-c", "server.pem", "--key", "server.key", "--client-ca", "root.pem", "--ca", "root.pem",
               "--ca-key", "root.key", "-s", "csms.sock", "--frames"]
    with open(tmp_path / "csms.log", "w") as log:
        process = subprocess.Popen([str(c) for c in command], cwd=tmp_path, stdout=log, stderr=log)
    until(lambda: (tmp_path / "csms.sock").exists(), "ocpp-csms listens")
    yield Place(tmp_path, f"wss://{listen}:9000/ocpp")
    process.terminate()
    assert process.wait(20) == 0


def start(site, csms):
    site.security_profile, site.ca_file = 3, csms / "root.pem"
    site.own["CS1"] = csms / "own.pem", csms / "own.key"
    site.station("CS1", site.tcp_charger(), **{"SecurityCtrlr.OrganizationName": "Test"})
    config = site.config
    site.config = lambda: config().replace(f"wss://{site.csms_address}:{site.csms.port}/ocpp", csms.url)
    site.start_sim()
    site.start_gateway()
    until(lambda: (site.directory / "gateway.sock").exists(), "the gateway runs")


def status(site):
    code, text, problem = site.cli("--json", "status")
    assert code == 0, problem
    return json.loads(text)["stations"][0]


def listed(site):
    """What the list of all certificates tells of the only one: there is no web server."""
    code, text, problem = site.cli("--json", "certificates", "list")
    assert code == 0, problem
    items = json.loads(text)["items"]
    assert len(items) == 1
    return items[0]


def test_a_certificate_is_renewed_by_it(csms):   # A00.FR.402, A02.FR.03, A02.FR.08
    with Site() as site:
        site.scheme = "wss"
        start(site, csms)
        until(lambda: status(site)["registration"] == "Accepted", "the gateway is accepted")
        before = status(site)["certificate"]["valid_until"]
        row = listed(site)
        assert (row["station"], row["subject"], row["issuer"], row["selfSigned"]) == ("CS1", "CS1", "root", False)
        assert row["notAfter"] == before > row["notBefore"]
        line = Line(csms / "csms.sock")
        assert json.loads(line.ask("trigger CS1 SignChargingStationCertificate"))["result"]["status"] == "Accepted"
        line.close()
        until(lambda: status(site)["certificate"]["valid_until"] > before and status(site)["online"], "a new certificate is in use")
        assert listed(site)["fingerprint"] != row["fingerprint"]
        log = (csms / "csms.log").read_text()
        assert '"status":"Accepted"' in log and "PRIVATE" not in log


def test_a_request_that_is_not_the_stations_is_not_signed(csms):
    key = new_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(name("CS2")).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    context = ssl.create_default_context(cafile=csms / "root.pem")
    context.load_cert_chain(csms / "own.pem", csms / "own.key")

    async def ask():
        async with websockets.connect(f"{csms.url}/CS1", subprotocols=["ocpp2.0.1"], ssl=context) as link:
            await link.send(json.dumps([2, "1", "SignCertificate", {"csr": pem}]))
            assert json.loads(await link.recv()) == [3, "1", {"status": "Accepted"}]
            await link.send(json.dumps([2, "2", "Heartbeat", {}]))
            assert json.loads(await link.recv())[:2] == [3, "2"]      # and nothing before it
    asyncio.run(asyncio.wait_for(ask(), 20))
    assert "asks for a certificate that is not its own" in (csms / "csms.log").read_text()


@pytest.mark.parametrize("options", (["--ca", "root.pem"],
                                     ["--ca", "root.pem", "--ca-key", "server.key"], ["--ca", "nowhere", "--ca-key", "root.key"]))
def test_options_that_do_not_fit_are_told(csms, options):
    process = subprocess.run([str(BUILD / "ocpp-csms"), "-l", f"{address()}:9000", *options], cwd=csms.path, capture_output=True, text=True, timeout=20)
    assert process.returncode != 0 and process.stderr
