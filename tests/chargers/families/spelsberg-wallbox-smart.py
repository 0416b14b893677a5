"""Spelsberg Wallbox Smart: the map of webasto-next, without its session_control."""

NAMES = {"state": "charge_point_state", "cable": "cable_state", "cable_current": "cable_max_current"}
