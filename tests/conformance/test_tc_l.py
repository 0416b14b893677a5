"""Firmware management; and the triggers of its status (F06)."""
import contextlib
import threading

import pytest

from file_servers import HttpFiles
from firmware_images import Manufacturer, image, prepare, restarted
from rig import ABSENT
from states import EnergyTransferStarted, ParkingBayUnoccupied, RebootBeforeFirmwareActivation

KINDS = ("now", "restart", "unsuitable", "broken")   # what becomes of an image: firmware_images.py


class Updates:
    """A station that can be updated, the manufacturer, and the file server with its images."""

    def __init__(self, cs, directory, options):
        self.cs, self.maker = cs, Manufacturer()
        for kind in KINDS:
            (directory / kind).write_bytes(image(kind))
        self.server = HttpFiles(directory)
        prepare(cs.site, self.maker, options)
        cs.start()

    def request(self, kind="restart", request_id=1, status="Accepted", **options):
        options.setdefault("url", self.server.url + kind)
        self.cs.call("UpdateFirmware", self.maker.request(image=image(kind), request_id=request_id, **options), status=status)

    def told(self, *statuses, request_id=1):
        for status in statuses:
            self.cs.next("FirmwareStatusNotification", status=status, requestId=request_id)

    def security_event(self, kind):
        self.cs.next("SecurityEventNotification", lambda p: p["type"] == kind)

    @contextlib.contextmanager
    def held(self):
        """The installation takes as long as this."""
        hold = self.cs.site.directory / "hold"
        hold.touch()
        yield
        hold.unlink()

    def activated(self, request_id=1):
        """RebootBeforeFirmwareActivation, and what the new firmware says."""
        self.told("InstallRebooting", request_id=request_id)
        restarted(self.cs.site)
        RebootBeforeFirmwareActivation(self.cs)
        self.told("Installed", request_id=request_id)
        self.security_event("FirmwareUpdated")

    def installed(self, request_id=1):
        for evse in self.cs.tracks:
            self.cs.status("Unavailable", evse)
        self.told("Installing", request_id=request_id)
        self.activated(request_id)


@pytest.fixture
def updates(station, tmp_path):
    made = []

    def make(meanwhile="download", **options):
        made.append(Updates(station.prepared(**options), tmp_path, f", transactions: {meanwhile}"))
        return made[-1]
    yield make
    for one in made:
        one.server.stop()


def allow_new_sessions(cs, value):
    cs.set_variable("ChargingStation.AllowNewSessionsPendingFirmwareUpdate", value)


def test_TC_L_01_CS(updates):   # L01.FR.01, L01.FR.10, L01.FR.20, L01.FR.21, L01.FR.28, L01.FR.31, L01.FR.32
    u = updates()
    u.request(install=-7200)
    u.told("Downloading", "Downloaded", "SignatureVerified")
    u.installed()


def test_TC_L_02_CS(updates):   # L01.FR.16
    u = updates()
    u.request(install=3)
    u.told("Downloading", "Downloaded", "SignatureVerified", "InstallScheduled")
    u.cs.never("FirmwareStatusNotification")
    u.installed()


def test_TC_L_03_CS(updates):   # L01.FR.13
    u = updates()
    u.request(retrieve=3, install=3)
    u.told("DownloadScheduled")
    u.cs.never("FirmwareStatusNotification")
    u.told("Downloading", "Downloaded", "SignatureVerified")
    u.installed()


def test_TC_L_05_CS(updates):   # L01.FR.02, L01.FR.21, L01.FR.22
    u = updates()
    u.request(certificate=Manufacturer("someone else").pem, install=-7200, status={"InvalidCertificate", "RevokedCertificate"})
    u.security_event("InvalidFirmwareSigningCertificate")


def test_TC_L_06_CS(updates):   # L01.FR.03, L01.FR.04
    u = updates()
    u.request(signature=u.maker.sign(b"another image"), install=-7200)
    u.told("Downloading", "Downloaded", "InvalidSignature")
    u.security_event("InvalidFirmwareSignature")


def test_TC_L_07_CS(updates):   # L01.FR.30
    u = updates()
    u.request(url=u.server.url + "there-is-none", retries=1, retryInterval=1, install=-7200)
    u.told("Downloading", "DownloadFailed")
    assert len(u.server.requests) == 2


def test_TC_L_08_CS(updates):   # L01.FR.29
    u = updates()
    u.request("unsuitable", install=-7200)
    u.told("Downloading", "Downloaded", "SignatureVerified")
    u.cs.status("Unavailable")
    u.told("Installing")
    u.told("InstallVerificationFailed")
    u.cs.status("Available")


def test_TC_L_10_CS(updates):   # L01.FR.24
    u = updates()
    u.server.faults["/restart"] = "stall"
    u.request(request_id=1, install=-7200)
    u.told("Downloading", request_id=1)
    u.server.faults.clear()
    u.request(request_id=2, install=-7200, status="AcceptedCanceled")
    u.told("Downloading", "Downloaded", "SignatureVerified", request_id=2)
    u.installed(request_id=2)


def test_TC_L_11_CS(updates):   # L01.FR.27
    """While it is being installed, an update cannot be cancelled."""
    u = updates()
    with u.held():
        u.request(request_id=1, install=-7200)
        u.told("Downloading", "Downloaded", "SignatureVerified", "Installing", request_id=1)
        u.cs.status("Unavailable")
        u.request(request_id=2, install=-7200, status="Rejected")
    u.activated(request_id=1)


def test_TC_L_18_CS(updates):
    u = updates()
    u.request(certificate=None, signature=None, install=-7200, status={"Rejected", "InvalidCertificate"})


def test_TC_L_12_CS(updates):   # L01.FR.06, L01.FR.07, L01.FR.13
    u = updates("nothing", evses=2)
    allow_new_sessions(u.cs, "true")
    EnergyTransferStarted(u.cs, 1)
    u.request(install=-7200)
    u.told("DownloadScheduled")
    EnergyTransferStarted(u.cs, 2)
    ParkingBayUnoccupied(u.cs, 1)
    u.cs.never("FirmwareStatusNotification")
    ParkingBayUnoccupied(u.cs, 2)
    u.told("Downloading", "Downloaded", "SignatureVerified")
    u.installed()


def test_TC_L_13_CS(updates):   # L01.FR.06, L01.FR.07, L01.FR.13
    u = updates("nothing", evses=2)
    allow_new_sessions(u.cs, "false")
    EnergyTransferStarted(u.cs, 1)
    u.request(install=-7200)
    u.told("DownloadScheduled")
    u.cs.status("Unavailable", 2)
    ParkingBayUnoccupied(u.cs, 1, status="Unavailable")
    u.told("Downloading", "Downloaded", "SignatureVerified", "Installing")
    u.activated()


def test_TC_L_14_CS(updates):   # L01.FR.06, L01.FR.07, L01.FR.34
    u = updates("download", evses=2)
    allow_new_sessions(u.cs, "true")
    EnergyTransferStarted(u.cs, 1)
    u.request(install=-7200)
    u.told("Downloading", "Downloaded", "SignatureVerified", "InstallScheduled")
    EnergyTransferStarted(u.cs, 2)
    ParkingBayUnoccupied(u.cs, 1)
    u.cs.never("FirmwareStatusNotification")
    ParkingBayUnoccupied(u.cs, 2)
    u.installed()


def test_TC_L_15_CS(updates):   # L01.FR.06, L01.FR.07, L01.FR.34
    u = updates("download", evses=2)
    allow_new_sessions(u.cs, "false")
    EnergyTransferStarted(u.cs, 1)
    u.request(install=-7200)
    u.told("Downloading", "Downloaded", "SignatureVerified", "InstallScheduled")
    u.cs.status("Unavailable", 2)
    u.cs.never("FirmwareStatusNotification")
    ParkingBayUnoccupied(u.cs, 1, status="Unavailable")
    u.told("Installing")
    u.activated()


def test_TC_L_16_CS(updates):   # L01.FR.05
    u = updates("install")
    EnergyTransferStarted(u.cs)
    before = u.cs.csms.connected
    u.request("now", install=-7200)
    u.told("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")
    assert u.cs.csms.connected == before + 1   # it has reconnected
    u.security_event("FirmwareUpdated")
    ParkingBayUnoccupied(u.cs)


# ---- F06 ----

def trigger(cs, **more):
    cs.call("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification", **more}, status="Accepted")


def test_TC_F_17_CS(updates):   # F06.FR.03
    u = updates()
    trigger(u.cs, evse={"id": 1})
    u.cs.next("FirmwareStatusNotification", status="Idle", requestId=ABSENT)


def test_TC_F_18_CS(updates):   # F06.FR.16, L01.FR.25
    u = updates()
    trigger(u.cs)
    u.cs.next("FirmwareStatusNotification", status="Idle", requestId=ABSENT)


def test_TC_F_19_CS(updates):   # L01.FR.26
    u = updates()
    u.server.hold = threading.Event()
    u.request(signature=u.maker.sign(b"another image"))
    u.told("Downloading")
    trigger(u.cs)
    u.told("Downloading")
    u.server.hold.set()
    u.told("Downloaded", "InvalidSignature")
    u.security_event("InvalidFirmwareSignature")
