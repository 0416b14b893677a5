"""Provisioning: network connection profiles."""
import time

from rig import until
from servers import Authority
from states import CertificateInstalled, GetInstalledCertificates, migrate, profile_data

CHECK = {"SecurityCtrlr__AdditionalRootCertificateCheck": "true"}
PASSES = {"OCPPCommCtrlr__RetryBackOffRepeatTimes": 0, "OCPPCommCtrlr__RetryBackOffRandomRange": 0}


def booted_at(cs, csms):
    """The station is at this CSMS now, and reports itself."""
    old, cs.csms = cs.csms, csms
    cs.booted()    # the device has restarted, too, and is back
    cs.quiet()
    return old


def attempts(csms):
    """How often the station came to its door."""
    return len(csms.headers)


def test_TC_B_43_CS(station):
    """B09.FR.02, B09.FR.05."""
    cs = station()
    cs.call("SetNetworkProfile", profile_data(cs.another_csms(), 1, slot=999), status="Rejected")


def test_TC_B_45_CS(station, authority):
    """B09.FR.01, B10.FR.01, B10.FR.04, B10.FR.06."""
    for profile in (1, 2):
        cs = station(security_profile=profile, authority=authority if profile == 2 else None)
        other = cs.another_csms(authority if profile == 2 else None)
        slot = migrate(cs, other, profile)
        old = booted_at(cs, other)
        assert not old.connections
        assert cs.get_variable("OCPPCommCtrlr.ActiveNetworkProfile") == str(slot)


def test_TC_B_46_CS(station):
    """B10.FR.03, B10.FR.04."""
    cs = station(OCPPCommCtrlr__NetworkProfileConnectionAttempts=2)
    first, second = cs.csms, cs.another_csms()
    second.refuses = 503
    migrate(cs, second, 1)
    booted_at(cs, first)
    assert second.refused == 2
    assert cs.get_variable("OCPPCommCtrlr.ActiveNetworkProfile") == "1"


def test_TC_B_47_CS(station, authority):
    """B10.FR.07, M05.FR.15, M05.FR.16."""
    cs = station(security_profile=2, authority=authority, OCPPCommCtrlr__NetworkProfileConnectionAttempts=1, **CHECK)
    new = Authority("new root", parent=authority)
    CertificateInstalled(cs, "CSMSRootCertificate", new)
    first, second = cs.csms, cs.another_csms(authority)    # it shows a certificate below the old root
    migrate(cs, second, 2)
    booted_at(cs, first)
    assert attempts(second) == 0                           # none of them came through the handshake
    GetInstalledCertificates(cs, "CSMSRootCertificate", authority)


def test_TC_B_49_CS(station):
    """B10.FR.07."""
    wait = 3
    cs = station(OCPPCommCtrlr__NetworkProfileConnectionAttempts=1, OCPPCommCtrlr__RetryBackOffWaitMinimum=wait, **PASSES)
    first, second = cs.csms, cs.another_csms()
    first.refuses = second.refuses = 503
    migrate(cs, second, 1)
    until(lambda: second.refused == 1, "no attempt at the new CSMS")
    until(lambda: first.refused == 1, "no attempt at the old CSMS")
    refused_at = time.monotonic()
    first.refuses = None
    before = attempts(first)
    until(lambda: attempts(first) > before, "no reconnection")
    assert wait - 1 < time.monotonic() - refused_at
    booted_at(cs, first)
    assert second.refused == 1


def test_TC_B_50_CS(station, authority):
    """B10.FR.01, B10.FR.04, M05.FR.02, M05.FR.13."""
    for check in (False, True):
        cs = station(security_profile=2, authority=authority, **(CHECK if check else {}))
        new = Authority("new root", parent=authority if check else None)
        CertificateInstalled(cs, "CSMSRootCertificate", new)
        second = cs.another_csms(new)
        slot = migrate(cs, second, 2)
        booted_at(cs, second)
        assert cs.get_variable("OCPPCommCtrlr.ActiveNetworkProfile") == str(slot)
        found = GetInstalledCertificates(cs, "CSMSRootCertificate", new)
        assert len(found) == (1 if check else 2)
