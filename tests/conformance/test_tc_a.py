"""Security: password, the station's own certificate, security profiles. The connection itself: test_tc_a_tls.py."""
import time

from rig import until
from servers import Authority
from states import (Booted, RenewChargingStationCertificate, certificate_request, certificate_signed, migrate, next_request,
                    profile_data, shown, CertificateInstalled)
from test_tc_a_tls import authorization, reconnected

PRIORITY = "OCPPCommCtrlr.NetworkConfigurationPriority"
NEW_PASSWORD = "a-new-password-0123456789"


def test_TC_A_09_CS(station, authority):
    """A01.FR.01, A01.FR.11, A01.FR.12."""
    for profile in (1, 2):
        cs = station(security_profile=profile, authority=authority if profile == 2 else None)
        before = cs.csms.connected
        cs.set_variable("SecurityCtrlr.BasicAuthPassword", NEW_PASSWORD)
        reconnected(cs, before)
        assert authorization(cs) == (cs.id, cs.id, NEW_PASSWORD)
        cs.quiet()
        cs.power_cut()                     # it was stored
        cs.power_up()
        cs.booted()
        assert authorization(cs) == (cs.id, cs.id, NEW_PASSWORD)
        log = cs.site.log("gateway")
        assert "ReconfigurationOfSecurityParameters" in log and NEW_PASSWORD not in log


def test_TC_A_10_CS(station):
    """A01.FR.01."""
    cs = station()
    _, _, old = authorization(cs)
    cs.set_variable("SecurityCtrlr.BasicAuthPassword", "too-short", attributeStatus="Rejected")
    Booted(cs)
    assert authorization(cs) == (cs.id, cs.id, old)


def test_TC_A_11_CS(station, authority):
    """A02.FR.02, A02.FR.03, A02.FR.06, A02.FR.08."""
    cs = station(security_profile=3, authority=authority, SecurityCtrlr__OrganizationName="Test")
    first = RenewChargingStationCertificate(cs, authority)
    second = RenewChargingStationCertificate(cs, authority)
    assert first.public_key().public_numbers() != second.public_key().public_numbers()


def test_TC_A_14_CS(station, authority):
    """A02.FR.07, A03.FR.07."""
    cs = station(security_profile=3, authority=authority)
    csr = certificate_request(cs)
    before = cs.csms.connected
    assert certificate_signed(cs, Authority("stranger").sign_request(csr)) == "Rejected"
    cs.next("SecurityEventNotification", type="InvalidChargingStationCertificate")
    assert cs.csms.connected == before


def test_TC_A_15_CS(station, authority):
    """A02.FR.12."""
    cs = station(security_profile=3, authority=authority, SecurityCtrlr__CertSigningWaitMinimum=1)
    cs.answer("SignCertificate", {"status": "Rejected"})
    cs.call("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}, status="Accepted")
    next_request(cs)
    cs.never("SignCertificate", 3)
    cs.quiet()                             # it goes on as it was


def test_TC_A_23_CS(station, authority):
    """A02.FR.17, A02.FR.18."""
    wait = 2
    cs = station(security_profile=3, authority=authority, SecurityCtrlr__CertSigningWaitMinimum=wait,
                 SecurityCtrlr__CertSigningRepeatTimes=1)
    requests = [certificate_request(cs)]
    first = time.monotonic()
    requests.append(next_request(cs))
    second = time.monotonic()
    requests.append(next_request(cs))
    third = time.monotonic()
    assert second - first > wait - 0.3 and third - second > 2 * wait - 0.3
    answers = []
    for csr in requests:
        before = cs.csms.connected
        answers.append(certificate_signed(cs, authority.sign_request(csr)))
        if answers[-1] == "Accepted":
            reconnected(cs, before)
    assert set(answers) <= {"Accepted", "Rejected"} and "Accepted" in answers


def upgraded(cs, other, profile, slot):
    """Steps 8 to 14 of TC_A_19."""
    old, cs.csms = cs.csms, other
    cs.booted()
    cs.quiet()
    assert cs.get_variable("SecurityCtrlr.SecurityProfile") == str(profile)
    assert cs.get_variable(PRIORITY) == str(slot)
    assert not old.connections


def test_TC_A_19_CS(station, authority):
    """A05.FR.04, A05.FR.05, A05.FR.06."""
    cs = station(security_profile=1)
    CertificateInstalled(cs, "CSMSRootCertificate", authority)
    first, second = cs.csms, cs.another_csms(authority)
    upgraded(cs, second, 2, migrate(cs, second, 2))
    assert authorization(cs)[2] is not None

    tried = len(first.headers)             # steps 15 to 18: never back to profile 1
    second.refuses, before = 503, second.connected
    second.drop(cs.id)
    until(lambda: second.refused >= 4, "it does not try on")
    assert len(first.headers) == tried
    second.refuses = None
    reconnected(cs, before)
    cs.quiet()

    third = cs.another_csms(authority, clients=authority)    # and on to profile 3
    RenewChargingStationCertificate(cs, authority)
    upgraded(cs, third, 3, migrate(cs, third, 3))
    assert authorization(cs)[2] is None


def test_TC_A_20_CS(station, authority):
    """A05.FR.02."""
    cs = station(security_profile=1)
    cs.set_variable(PRIORITY, "1")
    cs.call("SetNetworkProfile", profile_data(cs.another_csms(authority), 2), status={"Accepted", "Rejected"})
    cs.set_variable(PRIORITY, "2,1", attributeStatus="Rejected")


def test_TC_A_21_CS(station, authority):
    """A05.FR.03."""
    cs = station(security_profile=2, authority=authority)
    cs.call("SetNetworkProfile", profile_data(cs.another_csms(authority), 3), status={"Accepted", "Rejected"})
    cs.set_variable(PRIORITY, "2,1", attributeStatus="Rejected")


def test_TC_A_22_CS(station, authority):
    """B09.FR.04."""
    for profile in (2, 3):
        cs = station(security_profile=profile, authority=authority)
        cs.call("SetNetworkProfile", profile_data(cs.another_csms(), 1), status="Rejected")


def remade(cs, interval):
    """A changed configuration is put into force: the station is made anew from what is stored."""
    name, chargers, variables = cs.site.stations[0]
    cs.site.stations[0] = (name, chargers, {**variables, "OCPPCommCtrlr.HeartbeatInterval": interval})
    (cs.site.directory / "gateway.yaml").write_text(cs.site.config())
    before = cs.csms.connected
    assert cs.site.cli("reload")[0] == 0
    reconnected(cs, before)
    cs.booted()
    cs.quiet()


def test_a_renewal_goes_on_through_reloads_and_power_cuts(station, authority):
    """A02.FR.06, A02.FR.08: no case, but certificates live longer than configurations."""
    cs = station(security_profile=3, authority=authority)
    configured = shown(cs)
    csr = certificate_request(cs)
    cs.quiet()
    remade(cs, 1000)
    assert shown(cs) == configured
    chain, before = authority.sign_request(csr), cs.csms.connected
    assert certificate_signed(cs, chain) == "Accepted"
    reconnected(cs, before)
    renewed = shown(cs)
    assert renewed != configured
    remade(cs, 1001)                       # also while its record is still on its way to the disk
    assert shown(cs) == renewed
    cs.power_cut()
    cs.power_up()
    cs.booted()
    assert shown(cs) == renewed
