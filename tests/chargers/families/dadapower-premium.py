"""Dadapower Premium: what the points are called."""

NAMES = {"cp_state": "charge_point_state", "iec_state": "iec61851_state", "firmware": "firmware_version", "rfid": "rfid_tag"}
