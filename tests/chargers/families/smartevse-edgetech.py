"""SmartEVSE (Edgetech). The setpoint packs two bytes (low: A), current_offered is in the high byte, the state in the low one; config bit 0: 3 phases."""


def set_current(o, raw):
    o.setpoints_A["max_current_setpoint"] = min(32, raw & 0xFF)


READ = {
    "iec61851_state": lambda o: 0x0100 | o.state(o.facts.registers["iec61851_state"]),
    "current_offered": lambda o: (int(o.limit_A) if o.released else 0) << 8,
    "max_current_setpoint": lambda o: o.memory.get("max_current_setpoint", 0x2020),
    "config_bits": lambda o: o.memory.get("config_bits", 1),
}
WRITE = {"max_current_setpoint": set_current}
NAMES = {"offered": ("current_offered", "its high byte, in A"), "iec_state": ("iec61851_state", "its low byte"), "setpoint": "max_current_setpoint",
         "firmware": "firmware_version"}
