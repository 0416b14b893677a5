"""Enovates ENO one. Notes of max_current_setpoint: `-1 = no limit, 0 = disabled`."""


def set_current(o, raw):
    o.setpoints_A["max_current_setpoint"] = 32 if raw == -1 else min(32, raw / 1000)


WRITE = {"max_current_setpoint": set_current}
NAMES = {"iec_state": "iec61851_state", "rfid": "rfid_tag", "firmware": "firmware_version"}
