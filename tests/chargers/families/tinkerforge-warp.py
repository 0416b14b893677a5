"""Tinkerforge WARP."""

NAMES = {"iec_state": "iec61851_state", "state": "charge_point_state", "offered": "current_offered"}
