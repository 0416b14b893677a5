"""Vestel EVC04."""

NAMES = {"firmware": "firmware_version", "state": "charge_point_state", "cable": "cable_state", "cable_current": "cable_max_current", "rfid": "rfid_tag"}
