"""A station whose key lives in a token: PKCS#11 (SoftHSM), a TPM (swtpm)."""
import os
import pathlib
import subprocess
import sys

import pytest
from cryptography import x509

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from harness import Site, until  # noqa: E402
from servers import Authority, certificate_pem, key_pem, server_context  # noqa: E402

PIN = "12345678"


def run(directory, *command, **environment):
    return subprocess.run([str(c) for c in command], cwd=directory, env={**os.environ, **environment}, check=True,
                          capture_output=True, text=True).stdout


def soft_hsm(directory, key):
    """(URI, environment); the key is put in as an installer would make it there."""
    (directory / "tokens").mkdir()
    (directory / "softhsm.conf").write_text(f"directories.tokendir = {directory}/tokens\n")
    environment = {"SOFTHSM2_CONF": str(directory / "softhsm.conf")}
    run(directory, "softhsm2-util", "--init-token", "--free", "--label", "gateway", "--pin", PIN, "--so-pin", PIN, **environment)
    run(directory, "softhsm2-util", "--import", key, "--token", "gateway", "--label", "CS1", "--id", "01", "--pin", PIN, **environment)
    return "pkcs11:token=gateway;object=CS1", environment


def tpm(directory, key):
    state = directory / "tpm"
    state.mkdir()
    run(state, "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={state}/sock.ctrl",
        "--server", f"type=unixio,path={state}/sock", "--flags", "not-need-init,startup-clear", "--daemon", "--pid", f"file={state}/pid")
    where = f"swtpm:path={state}/sock"
    for command in ("createprimary -C o -G ecc -c parent", f"import -C parent -G ecc -i {key} -u public -r private", "flushcontext -t",
                    "load -C parent -u public -r private -c key", "flushcontext -t", "evictcontrol -C o -c key 0x81000001",
                    "flushcontext -t"):
        name, *rest = command.split()
        run(state, f"tpm2_{name}", *rest, TPM2TOOLS_TCTI=where)
    return "handle:0x81000001", {"TPM2OPENSSL_TCTI": where}


def shown(site):
    """The certificate by which the station has identified itself."""
    tls = site.csms.connections["CS1"].transport.get_extra_info("ssl_object")
    return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))


@pytest.fixture
def place(tmp_path):
    yield tmp_path
    pid = tmp_path / "tpm/pid"
    if pid.exists():
        os.kill(int(pid.read_text()), 9)


@pytest.mark.parametrize("token", (soft_hsm, tpm))
def test_a_key_in_a_token_identifies_the_station(place, token):   # A00.FR.401, A00.FR.402, A02.FR.05
    authority = Authority("root")

    def tls(host):
        certificate, key = authority.server(host)
        return server_context(authority.chain(certificate), key, authority.pem)
    certificate, key = authority.client("CS1")
    (place / "own.key").write_text(key_pem(key))
    (place / "own.pem").write_text(certificate_pem(certificate))
    (place / "root.pem").write_text(authority.pem)
    (place / "pin").write_text(PIN + "\n")
    (place / "pin").chmod(0o600)
    uri, environment = token(place, place / "own.key")
    with Site(tls=tls) as site:
        site.ca_file, site.security_profile, site.log_level = place / "root.pem", 3, "debug"
        site.environment = {**environment, "ASAN_OPTIONS": "detect_leaks=0"}   # what the token's own libraries keep
        site.own["CS1"] = place / "own.pem", f'"{uri}"\n    key_pin_file: {place}/pin'
        site.station("CS1", site.tcp_charger())
        site.start()
        assert shown(site) == certificate
        # a new certificate for the key that is there: it never leaves the token
        site.csms.answers["SignCertificate"] = lambda *_: {"status": "Accepted"}
        site.csms.call("CS1", "TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"})
        request = site.csms.expect("CS1", "SignCertificate")
        chain = authority.sign_request(request["csr"])
        renewed = x509.load_pem_x509_certificate(chain.encode())
        assert renewed.public_key().public_numbers() == key.public_key().public_numbers()
        assert site.csms.call("CS1", "CertificateSigned", {"certificateChain": chain})["status"] == "Accepted"
        until(lambda: "CS1" in site.csms.connections and shown(site) == renewed, "the new certificate is shown")
        log = site.log("gateway")
        assert PIN not in log and "PRIVATE" not in log
