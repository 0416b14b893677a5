"""The management port with TLS: versions, certificates, and clients that break off or speak something else."""
import contextlib
import datetime
import re
import ssl
import subprocess
import time

import pytest
from cryptography import x509

from harness import until
from management import API, Client, ManagedSite, read_all


@pytest.fixture(scope="module")
def site():
    with ManagedSite(with_tls=True) as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site
        assert site.local.get("/overview") and "Sanitizer" not in site.log("gateway")


def certificate(directory, name):
    """One for the name: texts of certificate and key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], cwd=directory, check=True, capture_output=True)
    return [(directory / f"{name}.{end}").read_text() for end in ("pem", "key")]


def shown(site):
    """The certificate that a client is shown."""
    with site.trust.wrap_socket(site.raw()) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))


def name_of(certificate_):
    return certificate_.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


# ---- certificates ----

def test_a_certificate_is_made_at_the_first_start_and_kept():
    with ManagedSite(with_tls=True) as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        first = shown(site)
        assert first.issuer == first.subject and first.not_valid_after > datetime.datetime.utcnow() + datetime.timedelta(days=300)
        told = next(c for c in site.local.items("/certificates") if c["use"] == "management")
        assert site.local.get("/certificates?q=MANAGE")["total"] == 1 and site.local.get("/certificates?q=CS1")["total"] == 0
        assert told["selfSigned"] and not told["configured"] and told["subject"] == name_of(first)
        kept = [p for p in (site.directory / "state").rglob("*") if p.is_file() and b"PRIVATE KEY" in p.read_bytes()]
        assert kept and {p.stat().st_mode & 0o777 for p in kept} == {0o600}
        site.end("gateway")
        site.start_gateway()
        assert shown(site).serial_number == first.serial_number


def test_another_certificate_counts_from_the_next_connection_on_and_is_kept(site):
    admin = site.token("admin")
    with site.trust.wrap_socket(site.raw()) as before:
        pem, key = certificate(site.directory, "first.example")
        other_key = certificate(site.directory, "other.example")[1]
        admin.put("/certificates/management", {"cert": pem, "key": key})
        assert name_of(shown(site)) == "first.example"
        for wrong in ({"cert": pem, "key": other_key}, {"cert": "x", "key": key}, {"cert": pem, "key": "x"}, {"cert": key, "key": pem}, {"cert": "", "key": ""}):
            assert admin.ask("PUT", "/certificates/management", wrong).status == 422, wrong
        assert name_of(shown(site)) == "first.example", "a wrong one leaves the right one"
        before.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in read_all(before), "who is connected stays so"
    site.end("gateway")
    site.start_gateway()
    assert name_of(shown(site)) == "first.example"
    assert key.splitlines()[1] not in site.local.ask("GET", "/audit").text + site.log("gateway")
    row = next(row for row in site.local.items("/audit") if row["action"] == "certificate.management")
    assert row["after"]["cert"] == pem and "BEGIN CERTIFICATE" in row["before"]["cert"] and row["before"] != row["after"]


def test_a_certificate_that_cannot_be_kept_is_not_used(site):
    before = shown(site).serial_number
    pem, key = certificate(site.directory, "unkept.example")
    kept = site.directory / "state/management.key"
    aside = kept.rename(kept.with_suffix(".aside"))
    kept.mkdir()    # what is renamed to that fails
    assert site.token("admin").ask("PUT", "/certificates/management", {"cert": pem, "key": key}).status == 503
    kept.rmdir()
    aside.rename(kept)
    assert shown(site).serial_number == before


def test_a_configured_certificate_is_changed_in_the_configuration_only():
    with ManagedSite(with_tls=True) as site:
        pem, key = certificate(site.directory, "configured.example")
        site.settings = f", cert: {site.directory}/configured.example.pem, key: {site.directory}/configured.example.key"
        site.station("CS1", site.tcp_charger())
        site.start()
        assert name_of(shown(site)) == "configured.example"
        strict = ssl.create_default_context(cadata=pem)
        with strict.wrap_socket(site.raw(), server_hostname="configured.example") as connection:
            assert connection.version() == "TLSv1.3"
        admin = site.token("admin")
        assert "gateway.yaml names the certificate" in admin.ask("PUT", "/certificates/management", {"cert": pem, "key": key}, ).problem
        certificate(site.directory, "configured.example")      # renewed in its place
        admin.post("/reload")
        until(lambda: reached(site, lambda: pem not in ssl.DER_cert_to_PEM_cert(shown_der(site))), "the renewed one is shown after a reload")


def shown_der(site):
    with site.trust.wrap_socket(site.raw()) as connection:
        return connection.getpeercert(binary_form=True)


def reached(site, what):
    with contextlib.suppress(OSError):
        return what()
    return False


# ---- what TLS there is ----

def handshake(site, *options):
    done = subprocess.run(["openssl", "s_client", "-connect", f"{site.management}:{site.port}", *options], input="", capture_output=True, text=True, timeout=20)
    return done.returncode == 0 and "Cipher is (NONE)" not in done.stdout, done.stdout


@pytest.mark.parametrize("options, good", [
    (["-tls1_3"], True), (["-tls1_2"], True), (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], False), (["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], False),
    (["-tls1_2", "-cipher", "NULL:eNULL@SECLEVEL=0"], False), (["-tls1_2", "-cipher", "RC4:3DES:EXP@SECLEVEL=0"], False), (["-tls1_2", "-cipher", "aNULL@SECLEVEL=0"], False)], ids=str)
def test_only_tls_that_is_safe_is_spoken(site, options, good):
    assert handshake(site, *options)[0] == good


def test_a_client_does_not_begin_a_handshake_anew(site):
    done = subprocess.run(["openssl", "s_client", "-connect", f"{site.management}:{site.port}", "-tls1_2"], input="R\nGET /healthz HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=30)
    assert "ok\n" not in done.stdout and re.search("no renegotiation|handshake failure|unexpected|error", done.stdout + done.stderr, re.I)


# ---- clients that break off ----

def test_what_is_no_tls_is_hung_up_on(site):
    for data in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 5000, b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x80\x2e\x01\x00\x02", b"\x15\x03\x03\x00\x02\x02\x28"):
        with site.raw(data) as connection:
            assert b"HTTP/1.1 200" not in read_all(connection)
    assert Client(site).get("/healthz")


def test_handshakes_that_do_not_go_on_cost_only_their_connections(site):
    hello = client_hello()
    silent = [site.raw() for _ in range(30)] + [site.raw(hello[:n]) for n in (1, 5, 40, len(hello) - 1) for _ in range(10)] + [site.raw(hello) for _ in range(10)]
    done = [site.trust.wrap_socket(site.raw()) for _ in range(10)]      # the handshake is done, and nothing is asked
    admin, began, ended = site.token("viewer"), time.monotonic(), {}
    while len(ended) < len(silent + done) and time.monotonic() - began < 30:
        for connection in silent + done:
            if connection not in ended and has_ended(connection):
                ended[connection] = time.monotonic() - began
        asked = time.monotonic()
        admin.get("/overview")
        assert time.monotonic() - asked < 2, "others are served meanwhile"
        time.sleep(0.3)
    assert len(ended) == len(silent + done) and max(ended.values()) < 16, sorted(ended.values())
    for connection in silent + done:
        connection.close()


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def has_ended(connection):
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def test_a_large_answer_and_a_stream_go_through_tls(site):
    viewer = site.token("viewer")
    assert len(viewer.ask("GET", "/profiles?limit=1000").body) > 50000
    with viewer.stream("?types=frame") as stream:
        for _ in range(20):
            site.csms.call("CS1", "DataTransfer", {"vendorId": "x", "data": "y" * 20000})
        assert len({stream.next("frame").id for _ in range(40)}) == 40


def test_requests_in_pieces_of_any_size_are_understood(site):
    request = f"GET {API}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 20 + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for size in (1, 7, 100, len(request)):
        with site.trust.wrap_socket(site.raw()) as connection:
            for at in range(0, len(request), size):
                connection.sendall(request[at:at + size])
            assert read_all(connection, 1 << 24).count(b"HTTP/1.1 200 OK\r\n") == 21
