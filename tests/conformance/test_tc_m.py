"""ISO 15118 certificate management: roots of every kind, and the station's own. The rest needs an ISO 15118 controller."""
from cryptography import x509

from rig import until
from servers import DAY, Authority, ocsp_response
from states import (Booted, CertificateInstalled, GetInstalledCertificates, RenewChargingStationCertificate, certificate_request,
                    certificate_signed, hash_data, installed, root_hash)
from test_tc_a_tls import show

CSMS, MANUFACTURER = "CSMSRootCertificate", "ManufacturerRootCertificate"
V2G, MO = "V2GRootCertificate", "MORootCertificate"
CHECK = {"SecurityCtrlr__AdditionalRootCertificateCheck": "true"}


def test_TC_M_01_CS(station, authority):
    """M05.FR.01, M05.FR.02."""
    cs, new = station(security_profile=2, authority=authority), Authority("new root")
    CertificateInstalled(cs, CSMS, new)
    GetInstalledCertificates(cs, CSMS, new)


def test_TC_M_02_CS(station):
    """M05.FR.01, M05.FR.02."""
    cs, new = station(), Authority("manufacturer")
    CertificateInstalled(cs, MANUFACTURER, new)
    GetInstalledCertificates(cs, MANUFACTURER, new)


def test_TC_M_03_CS(station):
    """M05.FR.01, M05.FR.02."""
    cs, new = station(), Authority("V2G")
    CertificateInstalled(cs, V2G, new)
    GetInstalledCertificates(cs, V2G, new)


def test_TC_M_04_CS(station):
    """M05.FR.01, M05.FR.02."""
    cs, new = station(), Authority("mobility operator")
    CertificateInstalled(cs, MO, new)
    GetInstalledCertificates(cs, MO, new)


def test_TC_M_07_CS(station, authority):
    """M05.FR.07."""
    cs, expired = station(security_profile=2, authority=authority), Authority("expired", valid=(-3 * DAY, -DAY))
    cs.call("InstallCertificate", {"certificateType": CSMS, "certificate": expired.pem}, status="Rejected")
    assert (CSMS, root_hash(expired)) not in GetInstalledCertificates(cs, CSMS)


def test_TC_M_09_CS(station, authority):
    """M05.FR.10, M05.FR.11."""
    cs, stranger = station(security_profile=2, authority=authority, **CHECK), Authority("stranger")
    assert cs.get_variable("SecurityCtrlr.AdditionalRootCertificateCheck") == "true"
    cs.call("InstallCertificate", {"certificateType": CSMS, "certificate": stranger.pem}, status="Rejected")
    assert GetInstalledCertificates(cs, CSMS) == [(CSMS, root_hash(authority))]


def reset(cs):
    """Step 1: Reset; the connection that follows is of the case."""
    cs.csms.take_all()
    before = cs.csms.connected
    cs.call("Reset", {"type": "OnIdle"}, status="Accepted")
    until(lambda: cs.csms.connected > before, "the station does not come back")
    cs.booted()
    cs.quiet()


def test_TC_M_30_CS(station, authority):
    """M05.FR.09, M05.FR.12, M05.FR.13."""
    for profile in (2, 3):
        cs, new = station(security_profile=profile, authority=authority, **CHECK), Authority("new root", parent=authority)
        CertificateInstalled(cs, CSMS, new)
        assert len(GetInstalledCertificates(cs, CSMS, new)) == 2
        if profile == 3:                   # the CSMS still shows the old one: back to that root, and it stays
            RenewChargingStationCertificate(cs, authority)
            assert len(GetInstalledCertificates(cs, CSMS, authority)) == 2
        certificate, key = new.server(cs.site.csms_address)
        show(cs, new.chain(certificate), key)
        reset(cs)
        assert GetInstalledCertificates(cs, CSMS) == [(CSMS, root_hash(new))]


def test_TC_M_31_CS(station, authority):
    """M05.FR.14."""
    for profile in (2, 3):
        cs, new = station(security_profile=profile, authority=authority, **CHECK), Authority("new root", parent=authority)
        CertificateInstalled(cs, CSMS, new)
        reset(cs)
        GetInstalledCertificates(cs, CSMS, authority)
        cs.power_cut()                     # nor is it forgotten then
        cs.power_up()
        cs.booted()
        assert len(GetInstalledCertificates(cs, CSMS, authority)) == 2


def test_TC_M_12_CS(station, authority):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs, new = station(security_profile=2, authority=authority), Authority("new root", key_kind="rsa")
    CertificateInstalled(cs, CSMS, new)
    found = GetInstalledCertificates(cs, CSMS, new)
    assert (CSMS, root_hash(authority)) in found and len(found) == 2


def test_TC_M_13_CS(station):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs, new = station(), Authority("manufacturer")
    CertificateInstalled(cs, MANUFACTURER, new)
    assert GetInstalledCertificates(cs, MANUFACTURER) == [(MANUFACTURER, root_hash(new))]


def test_TC_M_14_CS(station):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs, new = station(), Authority("V2G")
    CertificateInstalled(cs, V2G, new)
    assert GetInstalledCertificates(cs, V2G) == [(V2G, root_hash(new))]


def test_TC_M_16_CS(station):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs, new = station(), Authority("mobility operator")
    CertificateInstalled(cs, MO, new)
    assert GetInstalledCertificates(cs, MO) == [(MO, root_hash(new))]


def both(cs):
    roots = {CSMS: Authority("new root"), MANUFACTURER: Authority("manufacturer")}
    for kind, root in roots.items():
        CertificateInstalled(cs, kind, root)
    return [(kind, root_hash(root)) for kind, root in roots.items()]


def test_TC_M_17_CS(station, authority):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs = station(security_profile=2, authority=authority)
    wanted = both(cs)
    found = installed(cs, CSMS, MANUFACTURER)
    assert all(one in found for one in wanted)


def test_TC_M_18_CS(station, authority):
    """M03.FR.01, M03.FR.03, M03.FR.04."""
    cs = station(security_profile=2, authority=authority)
    wanted = both(cs)
    found = installed(cs)
    assert all(one in found for one in wanted)


def test_TC_M_19_CS(station):
    """M03.FR.01, M03.FR.02."""
    assert installed(station(), "MORootCertificate") is None


def test_TC_M_20_CS(station, authority):
    """M04.FR.01, M04.FR.02."""
    cs, other = station(security_profile=2, authority=authority), Authority("other")
    CertificateInstalled(cs, CSMS, other)
    found = GetInstalledCertificates(cs, CSMS, other)
    data = next(data for kind, data in found if data == root_hash(other))
    cs.call("DeleteCertificate", {"certificateHashData": data}, status="Accepted")
    assert (CSMS, data) not in GetInstalledCertificates(cs, CSMS)
    cs.power_cut()
    cs.power_up()
    cs.booted()
    assert (CSMS, data) not in GetInstalledCertificates(cs, CSMS)


def test_TC_M_22_CS(station, authority):
    """M04.FR.01, M04.FR.04."""
    cs = station(security_profile=2, authority=authority)
    GetInstalledCertificates(cs, CSMS)
    cs.call("DeleteCertificate", {"certificateHashData": root_hash(Authority("unknown"))}, status="NotFound")


def test_TC_M_23_CS(station, authority):
    """M04.FR.06."""
    cs = station(security_profile=3, authority=authority)
    certificate = RenewChargingStationCertificate(cs, authority)
    found = installed(cs)
    cs.call("DeleteCertificate", {"certificateHashData": hash_data(certificate, authority.certificate)}, status={"NotFound", "Failed"})
    assert installed(cs) == found
    Booted(cs)                             # it is still there


RESPONDER = "http://ocsp.example/status"


def renewed(cs, sub):
    """The station has a new certificate of the intermediate's, both naming a responder: what is asked of each, by serial number."""
    chain = sub.sign_request(certificate_request(cs))
    certificate = x509.load_pem_x509_certificate(chain.encode())
    held = {hash_data(one, issuer.certificate)["serialNumber"]: (one, issuer)
            for one, issuer in ((certificate, sub), (sub.certificate, sub.parent))}
    return chain, held


def test_the_status_of_its_own_chain_is_asked_for(station, authority):
    """TC_M_24 with the station's certificate for the CSMS, for there is none for V2G: M06.FR.07."""
    cs, sub = station(security_profile=3, authority=authority), Authority("sub", parent=authority, responder=RESPONDER)
    chain, held = renewed(cs, sub)

    def status_of(request):
        return {"status": "Accepted", "ocspResult": ocsp_response(*held[request["ocspRequestData"]["serialNumber"]])}

    cs.answer("GetCertificateStatus", status_of)
    assert certificate_signed(cs, chain) == "Accepted"
    asked = [cs.next("GetCertificateStatus", seconds=20)["ocspRequestData"] for _ in held]
    wanted = [{**hash_data(one, issuer.certificate), "responderURL": RESPONDER} for one, issuer in held.values()]
    assert sorted(asked, key=str) == sorted(wanted, key=str)
    cs.never("GetCertificateStatus")
    cs.power_cut()                         # what was answered is kept
    cs.power_up()
    cs.booted()
    cs.never("GetCertificateStatus")


def test_a_status_that_the_csms_does_not_know_is_no_trouble(station, authority):
    """TC_M_25 with the station's certificate for the CSMS: M06.FR.07."""
    cs, sub = station(security_profile=3, authority=authority), Authority("sub", parent=authority, responder=RESPONDER)
    chain, held = renewed(cs, sub)
    cs.answer("GetCertificateStatus", {"status": "Failed"})
    assert certificate_signed(cs, chain) == "Accepted"
    for _ in held:
        cs.next("GetCertificateStatus", seconds=20)
    cs.never("GetCertificateStatus")       # not at once again
    Booted(cs)
