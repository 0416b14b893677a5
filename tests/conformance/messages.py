"""The display messages of the cases of block O, as the Test System sets and gets them."""
import datetime
import itertools

from rig import until

PRIORITY, FORMAT, CONTENT = "NormalCycle", "ASCII", "Please keep the cable dry"       # "configured" ones
ID, ID2 = 11, 12                                                                       # "generated displayMessageId"
CYCLE = 12            # seconds in which each of two texts is shown at least once
requests = itertools.count(1)


def after(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_message(cs, id_=ID, status="Accepted", content=CONTENT, format_=FORMAT, language=None, **more):
    """`more`: members of MessageInfoType. Returns it."""
    message = {"format": format_, "content": content}
    if language:
        message["language"] = language
    info = {"id": id_, "priority": PRIORITY, "message": message, **more}
    cs.call("SetDisplayMessage", {"message": info}, status=status)
    return info


def memory_state_SetDisplayMessage(cs, **more):
    """Errata 6.2.111, table 7."""
    return set_message(cs, **more)


def get_messages(cs, status="Accepted", **criteria):
    """The messages that are reported, all parts of them; `tbc` says when they end."""
    request_id = next(requests)
    cs.call("GetDisplayMessages", {"requestId": request_id, **criteria}, status=status)
    found, more = [], status == "Accepted"
    while more:
        part = cs.next("NotifyDisplayMessages", requestId=request_id)
        found += part.get("messageInfo", [])
        more = part.get("tbc", False)
    return found


def is_known(cs, info):
    """It is reported as it was set."""
    [found] = get_messages(cs, id=[info["id"]])
    for name, value in info.items():
        assert found[name] == value, f"{name}: {found[name]}"


def is_unknown(cs, id_=ID):
    get_messages(cs, id=[id_], status="Unknown")


def is_shown(cs, text, evse=1):
    """On the simulated charger's own display, at some time of the cycle."""
    until(lambda: cs.show(evse)["display"] == text, f"{text!r} is not shown", CYCLE)


def is_not_shown(cs, text=CONTENT, evse=1):
    until(lambda: cs.show(evse)["display"] != text, f"{text!r} is still shown", CYCLE)
