"""KEBA P40: as the P30, its states do not say whether a car is there (cable_state does)."""

STATES = {"charge_point_state": {"available": 1, "connected": 1}}

NAMES = {"state": "charge_point_state", "cable": "cable_state", "rfid": "rfid_tag", "unlock": "unlock_plug"}
