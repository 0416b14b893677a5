"""The Local Authorization List is sent and asked for its version (D01, D02)."""
from rig import OTHER, TOKEN
from states import Booted, EVConnectedPreSession, IdTokenLocalAuthList

VERSION = 7        # "configured versionNumber"


def send(cs, kind, version, *entries, status="Accepted"):
    request = {"versionNumber": version, "updateType": kind}
    if entries:
        request["localAuthorizationList"] = list(entries)
    cs.call("SendLocalList", request, status=status)


def entry(token, status="Accepted"):
    return {"idToken": token, "idTokenInfo": {"status": status}}


def has_version(cs, version):
    cs.call("GetLocalListVersion", versionNumber=version)


def count(cs):
    return int(cs.get_variable("LocalAuthListCtrlr.Entries"))


def test_TC_D_01_CS(station):
    """A full list replaces what was there."""
    cs = station()
    IdTokenLocalAuthList(cs, OTHER, version=VERSION + 1)
    send(cs, "Full", VERSION, entry(TOKEN))
    has_version(cs, VERSION)
    assert count(cs) == 1


def test_TC_D_02_CS(station):
    """Differential. Part 6 has no text for the station: by title and D01.FR.16."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    send(cs, "Differential", VERSION + 1, entry(OTHER), entry(TOKEN, "Blocked"))
    has_version(cs, VERSION + 1)
    assert count(cs) == 2


def test_TC_D_03_CS(station):
    """Differential, to remove."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    send(cs, "Differential", VERSION + 1, {"idToken": TOKEN})
    has_version(cs, VERSION + 1)
    assert count(cs) == 0


def test_TC_D_04_CS(station):
    """Full, and empty. Part 6 has no text for the station: by title and D01.FR.04."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, OTHER, version=VERSION)
    send(cs, "Full", VERSION + 1)
    has_version(cs, VERSION + 1)
    assert count(cs) == 0


def test_TC_D_05_CS(station):
    """Differential, and empty."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    send(cs, "Differential", VERSION + 1)
    has_version(cs, VERSION + 1)
    assert count(cs) == 1


def test_TC_D_06_CS(station):
    """VersionMismatch. Part 6 has no text for the station: by title and D01.FR.19."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    for version in (VERSION, VERSION - 1):
        send(cs, "Differential", version, {"idToken": TOKEN}, status="VersionMismatch")
    has_version(cs, VERSION)
    assert count(cs) == 1


def test_TC_D_07_CS(station):
    """It is there after a restart."""
    cs = station(AuthCtrlr__LocalPreAuthorize="true")
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    Booted(cs)
    has_version(cs, VERSION)
    EVConnectedPreSession(cs)
    cs.present(TOKEN)
    cs.event(triggerReason="Authorized", idToken=TOKEN)
    assert not cs.csms.untaken("Authorize")


def test_TC_D_08_CS(station):
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    has_version(cs, VERSION)


def test_TC_D_10_CS(station):
    """There is none where it is disabled."""
    cs = station()
    IdTokenLocalAuthList(cs, TOKEN, version=VERSION)
    cs.set_variable("LocalAuthListCtrlr.Enabled", "false")
    has_version(cs, 0)
