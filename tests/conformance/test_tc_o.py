"""Display messages (block O). The simulated charger has a display; what it shows is asked of the simulator."""
import pytest

from messages import CONTENT, ID, ID2, after, get_messages, is_known, is_not_shown, is_shown, is_unknown, memory_state_SetDisplayMessage, set_message
from rig import TOKEN
from states import (Authorized, Booted, EnergyTransferStarted, EVConnectedPostSession, EVConnectedPreSession, EVDisconnected,
                    ParkingBayOccupied, ParkingBayUnoccupied, StopAuthorized, Unavailable)

UNKNOWN = "TX-1"
OFFSET = 3             # "configured start and end date time offset", seconds
DISPLAY = pytest.mark.parametrize("display", [{}, {"display": {"name": "Display", "evse": {"id": 1}}}], ids=["", "display"])


def charging(cs):
    EnergyTransferStarted(cs)
    return cs.tracks[1].transaction


def session(cs):
    ParkingBayOccupied(cs)
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


def session_over(cs):
    StopAuthorized(cs)
    EVConnectedPostSession(cs)
    EVDisconnected(cs)
    ParkingBayUnoccupied(cs)


# ---- O01 ----

@DISPLAY
def test_TC_O_01_CS(station, display):
    """A message is set, shown and reported."""
    cs = station()
    info = set_message(cs, **display)
    is_shown(cs, CONTENT)
    is_known(cs, info)


@DISPLAY
def test_TC_O_12_CS(station, display):
    """Replaced by one with the same id."""
    cs = station()
    memory_state_SetDisplayMessage(cs, **display)
    info = set_message(cs, content="Another text", **display)
    is_shown(cs, "Another text")
    is_known(cs, info)
    assert len(get_messages(cs)) == 1


def test_TC_O_13_CS(station):
    """Shown from its startDateTime on."""
    cs = station()
    info = set_message(cs, startDateTime=after(OFFSET))
    is_known(cs, info)
    assert cs.show()["display"] != CONTENT
    is_shown(cs, CONTENT)
    assert after(0) >= info["startDateTime"]


def test_TC_O_14_CS(station):
    """Gone after its endDateTime."""
    cs = station()
    info = set_message(cs, endDateTime=after(OFFSET))
    [found] = get_messages(cs, id=[ID])
    assert found["endDateTime"] == info["endDateTime"]
    is_shown(cs, CONTENT)
    is_not_shown(cs)
    assert after(0) >= info["endDateTime"]
    is_unknown(cs)


def test_TC_O_15_CS(station):
    """In the language the driver prefers. The errata removed the text; by title and O01.FR.08."""
    cs = station()
    texts = {"en": "Welcome", "de": "Willkommen"}
    for id_, (language, content) in enumerate(texts.items(), ID):
        set_message(cs, id_, content=content, language=language)
    for content in texts.values():
        is_shown(cs, content)              # nobody's language is known: all of them
    cs.answer("Authorize", {"idTokenInfo": {"status": "Accepted", "language1": "de"}})
    Authorized(cs)
    is_shown(cs, "Willkommen")
    with pytest.raises(AssertionError):
        is_shown(cs, "Welcome")


def test_TC_O_17_CS(station):
    """NotSupportedPriority: the operator of the gateway keeps one to himself."""
    cs = station(DisplayMessageCtrlr__SupportedPriorities="InFront,NormalCycle")
    set_message(cs, priority="AlwaysFront", status="NotSupportedPriority")


def test_TC_O_18_CS(station):
    """NotSupportedState: a device that never says that it is faulted."""
    cs = station.prepared()
    profile = cs.site.directory / "case-ac22.yaml"
    profile.write_text(profile.read_text().replace("- faulted:", "- unavailable:"))
    cs.start()
    set_message(cs, state="Faulted", status="NotSupportedState")


@pytest.mark.parametrize("format_", ["HTML", "URI"])
def test_TC_O_19_CS(station, format_):
    """NotSupportedMessageFormat."""
    cs = station()
    set_message(cs, format_=format_, content="https://example.com/", status="NotSupportedMessageFormat")


def test_TC_O_20_CS(station):
    """Still there after a reboot."""
    cs = station()
    info = set_message(cs)
    Booted(cs)
    is_known(cs, info)
    is_shown(cs, CONTENT)


def test_TC_O_22_CS(station):
    """Two InFront take turns."""
    cs = station()
    infos = [set_message(cs, ID, priority="InFront"), set_message(cs, ID2, priority="InFront", content="And tidy")]
    for info in infos:
        is_known(cs, info)
    for _ in range(2):
        for info in infos:
            is_shown(cs, info["message"]["content"])


def test_TC_O_24_CS(station):
    """A second AlwaysFront replaces the first."""
    cs = station()
    set_message(cs, ID, priority="AlwaysFront")
    is_shown(cs, CONTENT)
    second = set_message(cs, ID2, priority="AlwaysFront", content="And tidy")
    is_unknown(cs, ID)
    is_known(cs, second)
    is_shown(cs, "And tidy")


def test_TC_O_36_CS(station):
    """State Charging."""
    cs = station()
    info = set_message(cs, state="Charging")
    assert cs.show()["display"] != CONTENT
    session(cs)
    is_shown(cs, CONTENT)
    session_over(cs)
    is_not_shown(cs)
    is_known(cs, info)


def test_TC_O_37_CS(station):
    """State Idle."""
    cs = station()
    info = set_message(cs, state="Idle")
    is_shown(cs, CONTENT)
    session(cs)
    is_not_shown(cs)
    session_over(cs)
    is_shown(cs, CONTENT)
    is_known(cs, info)


def test_TC_O_38_CS(station):
    """State Unavailable."""
    cs = station()
    info = set_message(cs, state="Unavailable")
    assert cs.show()["display"] != CONTENT
    Unavailable(cs)
    is_shown(cs, CONTENT)
    cs.call("ChangeAvailability", {"operationalStatus": "Operative"}, status="Accepted")
    cs.status("Available")
    is_not_shown(cs)
    is_known(cs, info)


def test_TC_O_39_CS(station):
    """State Faulted."""
    cs = station()
    info = set_message(cs, state="Faulted")
    assert cs.show()["display"] != CONTENT
    cs.fault()
    cs.status("Faulted")
    is_shown(cs, CONTENT)
    cs.clear_fault()
    cs.status("Available")
    is_not_shown(cs)
    is_known(cs, info)


# ---- O02 ----

def test_TC_O_06_CS(station):
    """Of a transaction. Part 6 has no text for the station: by title, O02.FR.02 and O02.FR.14."""
    cs = station()
    info = set_message(cs, transactionId=charging(cs))
    is_known(cs, info)
    is_shown(cs, CONTENT)
    session_over(cs)
    is_not_shown(cs)
    is_unknown(cs)


def test_TC_O_10_CS(station):
    """UnknownTransaction."""
    cs = station()
    set_message(cs, transactionId=UNKNOWN, status="UnknownTransaction")


def test_TC_O_27_CS(station):
    """Of a transaction, from its startDateTime on. Part 6 has no text for the station: by title and O02.FR.06."""
    cs = station()
    info = set_message(cs, transactionId=charging(cs), startDateTime=after(OFFSET))
    is_known(cs, info)
    assert cs.show()["display"] != CONTENT
    is_shown(cs, CONTENT)
    assert after(0) >= info["startDateTime"]


def test_TC_O_28_CS(station):
    """Of a transaction, gone after its endDateTime."""
    cs = station()
    info = set_message(cs, transactionId=charging(cs), endDateTime=after(OFFSET))
    is_shown(cs, CONTENT)
    is_not_shown(cs)
    assert after(0) >= info["endDateTime"]
    is_unknown(cs)


def test_TC_O_30_CS(station):
    """Two InFront of a transaction; gone with it."""
    cs = station()
    transaction = charging(cs)
    infos = [set_message(cs, ID, priority="InFront", transactionId=transaction),
             set_message(cs, ID2, priority="InFront", transactionId=transaction, content=CONTENT + " 2")]
    for info in infos:
        is_known(cs, info)
        is_shown(cs, info["message"]["content"])
    session_over(cs)
    for info in infos:
        is_not_shown(cs, info["message"]["content"])
        is_unknown(cs, info["id"])


def test_TC_O_32_CS(station):
    """A second AlwaysFront of a transaction; gone with it."""
    cs = station()
    transaction = charging(cs)
    set_message(cs, ID, priority="AlwaysFront", transactionId=transaction)
    is_shown(cs, CONTENT)
    second = set_message(cs, ID2, priority="AlwaysFront", transactionId=transaction, content=CONTENT + " 2")
    is_not_shown(cs)
    is_shown(cs, CONTENT + " 2")
    is_unknown(cs, ID)
    is_known(cs, second)
    session_over(cs)
    is_not_shown(cs, CONTENT + " 2")
    is_unknown(cs, ID)
    is_unknown(cs, ID2)


# ---- O03, O04 ----

def test_TC_O_02_CS(station):
    """All messages. Part 6 has no text for the station: by title and O03."""
    cs = station()
    infos = [memory_state_SetDisplayMessage(cs), set_message(cs, ID2, content="And tidy")]
    assert [found["id"] for found in get_messages(cs)] == [info["id"] for info in infos]


def test_TC_O_03_CS(station):
    """All, and there is none. Part 6 has no text for the station: by title and O03.FR.06."""
    get_messages(station(), status="Unknown")


def test_TC_O_07_CS(station):
    """By id. Part 6 has no text for the station: by title and O04."""
    cs = station()
    info = memory_state_SetDisplayMessage(cs)
    set_message(cs, ID2)
    is_known(cs, info)


def test_TC_O_08_CS(station):
    """By priority. Part 6 has no text for the station: by title and O04."""
    cs = station()
    memory_state_SetDisplayMessage(cs, priority="InFront")
    set_message(cs, ID2)
    [found] = get_messages(cs, priority="InFront")
    assert found["id"] == ID


def test_TC_O_09_CS(station):
    """By state."""
    cs = station()
    memory_state_SetDisplayMessage(cs, state="Charging")
    set_message(cs, ID2)
    [found] = get_messages(cs, state="Charging")
    assert found["id"] == ID


def test_TC_O_11_CS(station):
    """Unknown parameters. Part 6 has no text for the station: by title and O04.FR.02."""
    cs = station()
    memory_state_SetDisplayMessage(cs)
    is_unknown(cs, ID2)
    get_messages(cs, priority="AlwaysFront", status="Unknown")
    get_messages(cs, state="Charging", status="Unknown")


def test_TC_O_33_CS(station):
    """By id, and there is none at all."""
    is_unknown(station())


def test_TC_O_34_CS(station):
    """The id is known, the state is another."""
    cs = station()
    memory_state_SetDisplayMessage(cs, state="Idle")
    get_messages(cs, id=[ID], state="Charging", status="Unknown")


def test_TC_O_35_CS(station):
    """The id is known, the priority is another."""
    cs = station()
    memory_state_SetDisplayMessage(cs)
    get_messages(cs, id=[ID], priority="InFront", status="Unknown")


# ---- O05 ----

def test_TC_O_04_CS(station):
    """Cleared."""
    cs = station()
    memory_state_SetDisplayMessage(cs)
    is_shown(cs, CONTENT)
    cs.call("ClearDisplayMessage", {"id": ID}, status="Accepted")
    is_unknown(cs)
    is_not_shown(cs)


def test_TC_O_05_CS(station):
    """What is not there cannot be cleared."""
    station().call("ClearDisplayMessage", {"id": ID}, status="Unknown")
