"""EM2GO Pro Power: what the points are called."""

NAMES = {"state": "charge_point_state"}
