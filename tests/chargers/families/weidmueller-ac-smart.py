"""Weidmueller AC SMART. watchdog_timeout: `low word first for measurements, but evcc writes the timeout high word first`: so taken here."""


def PATCH(data):
    next(r for r in data["registers"] if r["name"] == "watchdog_timeout")["word_order"] = "big"


NAMES = {"iec_state": "iec61851_state", "rfid": "rfid_tag"}
