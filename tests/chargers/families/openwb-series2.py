"""openWB series 2: phases are switched when phase_switch_trigger is written."""


def trigger(o, raw):
    if raw and o.memory.get("phases_setpoint") in (1, 3):
        o.phases = o.memory["phases_setpoint"]


WRITE = {"phases_setpoint": lambda o, raw: None, "phase_switch_trigger": trigger}
