"""Amperfied connect: what the points are called."""

NAMES = {"state": "iec61851_state", "map_version": "modbus_map_version", "rfid": "rfid_tag"}
