"""Webasto Next."""

NAMES = {"state": "charge_point_state", "cable": "cable_state", "cable_current": "cable_max_current", "rfid": "rfid_tag", "control": "session_control"}
