"""Security: the connection itself."""
import base64
import datetime
import re
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from harness import PASSWORD
from rig import until
from servers import DAY, Authority, key_pem

ECDSA = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}
RSA = {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}


def authorization(cs):
    """(user, password) of the last upgrade request and the identity in its path; it may carry none."""
    path, headers = cs.csms.headers[-1]
    identity, header = path.rsplit("/", 1)[1], headers.get("Authorization")
    if header is None:
        return identity, None, None
    scheme, encoded = header.split(" ")
    assert scheme == "Basic"
    return identity, *base64.b64decode(encoded, validate=True).decode().split(":", 1)


def connection(cs):
    """What the CSMS sees of the TLS connection."""
    return cs.csms.connections[cs.id].transport.get_extra_info("ssl_object")


def expect_good_tls(cs):
    tls = connection(cs)
    assert tls.version() in ("TLSv1.2", "TLSv1.3")
    assert tls.compression() is None
    offered = {name for name, *_ in tls.shared_ciphers()}
    assert ECDSA <= offered or RSA <= offered


class Hellos:
    """Counts the handshakes that are begun."""

    def __init__(self, cs):
        self.count = 0
        cs.csms.tls.sni_callback = self.one

    def one(self, *_):
        self.count += 1

    def __len__(self):
        return self.count


def abort(cs):
    """The CSMS's end of the connection goes."""
    before = cs.csms.connected
    cs.csms.loop.call_soon_threadsafe(cs.csms.connections[cs.id].transport.abort)
    return before


def reconnected(cs, before):
    until(lambda: cs.csms.connected > before and cs.id in cs.csms.connections, "the station does not come back")


def show(cs, chain, key):
    """From now on the CSMS shows this certificate."""
    with open(cs.site.directory / "server.pem", "w") as both:
        both.write(chain + key_pem(key))
    cs.csms.tls.load_cert_chain(both.name)


def TLSRefused(cs, spoil, mend, event):
    """Steps 4 to 11 of TC_A_05: the station refuses what `spoil` does to the server, comes back after `mend`, and tells of it."""
    hellos = Hellos(cs)
    before = abort(cs)
    reconnected(cs, before)
    cs.quiet()
    spoil()
    refused, before = len(hellos), abort(cs)
    until(lambda: len(hellos) > refused, "no handshake is tried")
    until(lambda: len(hellos) > refused + 1, "no second handshake is tried")
    assert cs.csms.connected == before         # terminated by the station: A00.FR.311, A00.FR.414
    mend()
    reconnected(cs, before)
    cs.next("SecurityEventNotification", type=event)
    cs.quiet()


def test_TC_A_01_CS(station, authority):
    """A00.FR.202, A00.FR.203, A00.FR.204, A00.FR.205; A00.FR.301, A00.FR.302, A00.FR.303, A00.FR.304."""
    for profile in (1, 2):
        cs = station(security_profile=profile, authority=authority if profile == 2 else None)
        identity, user, password = authorization(cs)
        assert identity == user == cs.id
        assert password == PASSWORD
        assert re.fullmatch(r"[A-Za-z0-9*\-_=:+|@.]{16,40}", password)
        # with every request, also the next
        before = abort(cs)
        reconnected(cs, before)
        assert authorization(cs) == (cs.id, cs.id, PASSWORD)


def expect_identified(cs, profile):
    """Profile 2 by name and password, profile 3 by the certificate and by no password: A00.FR.001."""
    if profile == 2:
        assert authorization(cs) == (cs.id, cs.id, PASSWORD)
        return
    assert authorization(cs) == (cs.id, None, None)
    subject = {name: value for ((name, value),) in connection(cs).getpeercert()["subject"]}
    assert subject == {"commonName": cs.id, "organizationName": "Test"}


def reconnect_by_rsa(cs, authority):
    before = abort(cs)                         # State is Booting; also with the other kind of certificate
    certificate, key = authority.server(cs.site.csms_address, key_kind="rsa")
    show(cs, authority.chain(certificate), key)
    reconnected(cs, before)
    expect_good_tls(cs)


def test_TC_A_04_CS(station, authority):
    """A00.FR.309, A00.FR.312, A00.FR.313, A00.FR.317, A00.FR.319, A00.FR.321."""
    cs = station(security_profile=2, authority=authority)
    expect_good_tls(cs)
    expect_identified(cs, 2)
    reconnect_by_rsa(cs, authority)
    expect_identified(cs, 2)


def test_TC_A_07_CS(station, authority):
    """A00.FR.001, A00.FR.401, A00.FR.402, A00.FR.412, A00.FR.415, A00.FR.416, A00.FR.420, A00.FR.422, A00.FR.424."""
    cs = station(security_profile=3, authority=authority)
    expect_good_tls(cs)
    expect_identified(cs, 3)
    reconnect_by_rsa(cs, authority)
    expect_identified(cs, 3)


def bad_certificates(authority, host):
    """Those of the errata: name and (chain, key)."""
    stranger = Authority("stranger")
    tail = host.split(".", 1)[1]
    for what, (issuer, options) in {
            "expired": (authority, {"valid": (-3 * DAY, -DAY)}),
            "not valid yet": (authority, {"valid": (DAY, 3 * DAY)}),
            "not signed by an installed root": (stranger, {}),
            "another name": (authority, {"common_name": "csms.example.com", "addresses": ()}),
            "a wildcard": (authority, {"common_name": f"*.{tail}", "addresses": ()})}.items():
        certificate, key = issuer.server(host, **options)
        yield what, issuer.chain(certificate), key


@pytest.mark.parametrize("profile", (2, 3))
def test_TC_A_05_CS(station, authority, profile):
    """A00.FR.309, A00.FR.310, A00.FR.311; A00.FR.412, A00.FR.413, A00.FR.414."""
    cs = station(security_profile=profile, authority=authority, OCPPCommCtrlr__NetworkProfileConnectionAttempts=3,
                 OCPPCommCtrlr__NetworkConfigurationPriority="1", SecurityCtrlr__AllowCSMSTLSWildcards=False)
    good, good_key = authority.server(cs.site.csms_address)
    for what, chain, key in bad_certificates(authority, cs.site.csms_address):
        print(what)
        TLSRefused(cs, lambda: show(cs, chain, key), lambda: show(cs, authority.chain(good), good_key), "InvalidCsmsCertificate")


class OtherServer:
    """openssl's server in the CSMS's place: it can do what Python's cannot, and says by an alert what it does not like."""

    def __init__(self, cs, own, *options):
        self.cs, self.log = cs, cs.site.directory / "s_server.log"
        with open(cs.site.directory / "other.pem", "w") as both:
            both.write(own[0] + key_pem(own[1]))
        cs.csms.close()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["openssl", "s_server", "-www", "-accept", f"{cs.site.csms_address}:{cs.csms.port}",
                                             "-cert", both.name, *options], stdout=log, stderr=log)

    def tried(self):
        return "error:" in self.log.read_text()

    def close(self):
        self.process.kill()
        self.process.wait()


def own_of(cs, authority):
    """A good certificate for the CSMS: (chain, key)."""
    certificate, key = authority.server(cs.site.csms_address)
    return authority.chain(certificate), key


def other_server_refused(cs, own, event, *options):
    told = len(cs.site.log("gateway"))
    server = OtherServer(cs, own, *options)
    try:
        until(server.tried, "no handshake is tried")
        until(lambda: "no connection to the CSMS" in cs.site.log("gateway")[told:], "the station has not seen it")
    finally:
        server.close()
    cs.online()
    cs.next("SecurityEventNotification", type=event)
    cs.quiet()
    expect_good_tls(cs)


@pytest.mark.parametrize("profile", (2, 3))
def test_TC_A_06_CS(station, authority, profile):
    """A00.FR.313, A00.FR.314, A00.FR.316; A00.FR.416, A00.FR.417, A00.FR.419."""
    cs = station(security_profile=profile, authority=authority)
    other_server_refused(cs, own_of(cs, authority), "InvalidTLSVersion", "-tls1_1", "-cipher", "ALL@SECLEVEL=0")


def test_a_revoked_certificate_is_refused(station, authority):
    """A00.FR.310, A00.FR.311: revoked, says the OCSP response that the server staples."""
    cs = station(security_profile=2, authority=authority)
    certificate, key = authority.server(cs.site.csms_address)
    now = datetime.datetime.utcnow()
    status = (ocsp.OCSPResponseBuilder()
              .add_response(cert=certificate, issuer=authority.certificate, algorithm=hashes.SHA256(), this_update=now,
                            cert_status=ocsp.OCSPCertStatus.REVOKED, next_update=now + DAY, revocation_time=now, revocation_reason=None)
              .responder_id(ocsp.OCSPResponderEncoding.NAME, authority.certificate).sign(authority.key, hashes.SHA256()))
    path = cs.site.directory / "status.der"
    path.write_bytes(status.public_bytes(serialization.Encoding.DER))
    other_server_refused(cs, (authority.chain(certificate), key), "InvalidCsmsCertificate", "-status_file", path)


@pytest.mark.parametrize("profile", (2, 3))
def test_cipher_suites_that_are_not_good_are_refused(station, authority, profile):
    """A00.FR.320, A00.FR.323, A00.FR.423, A00.FR.426: no case, but requirements like the others."""
    cs = station(security_profile=profile, authority=authority)
    other_server_refused(cs, own_of(cs, authority), "InvalidTLSCipherSuite", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")
