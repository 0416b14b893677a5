"""Etrel INCH. `setpoint 0 or session_pause` pauses, `any value triggers`; a new setpoint ends the pause. Before anyone is let in: paused by EVSE."""

STATES = {"charge_point_state": {"connected": 6, "suspended_ev": 5}}


def set_current(o, raw):
    o.setpoints_A["max_current_setpoint"] = min(32, raw)
    o.paused = False


def pause(o, raw):
    o.paused = True


WRITE = {"max_current_setpoint": set_current, "session_pause": pause, "session_stop": pause}
NAMES = {"state": "charge_point_state", "firmware": "firmware_version"}
