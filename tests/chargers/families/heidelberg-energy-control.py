"""Heidelberg Energy Control: `write 4 to 258 at start or the box enters standby and stops answering` (when is not said)."""


def ASLEEP(box):
    return box.outlets[0].memory.get("standby_control") != 4 and box.last_request - box.on_since > 10
