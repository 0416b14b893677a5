"""Mennekes AMTRON Compact 2.0s. Notes of max_current_setpoint: `0 = no limit, 0.01..5.99 = 0 A, >= 6 limit`."""


def set_current(o, raw):
    o.setpoints_A["max_current_setpoint"] = 32 if raw == 0 else min(32, raw)


WRITE = {"max_current_setpoint": set_current}
NAMES = {"cp_state": "charge_point_state", "iec_state": "iec61851_state", "firmware": "firmware_version", "offered": "current_offered",
         "failsafe": (None, "notes of failsafe_current: `writable at 0x073A from 1.0.3`; the device here is older and refuses it")}
