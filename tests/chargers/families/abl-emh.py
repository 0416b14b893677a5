"""ABL eMH. Notes: the low byte is the state code; the setpoint is a duty, raw 1000 disables; state_long has the currents reversed;
`device sleeps: every request must be sent twice, first answer is lost` (how soon it sleeps is not said)."""

SLEEPS_AFTER_S = 0.5


def set_duty(o, raw):
    o.setpoints_A["max_current_setpoint"] = 0 if raw == 1000 else raw * 0.06


def state_control(o, raw):
    o.operative = raw != 0xE0E0


def state_long(o):
    words = [0, 0] + [int(10 * o.current_A(p)) for p in (2, 1, 0)]
    return b"".join(w.to_bytes(2, "big") for w in words).hex()


READ = {
    "iec61851_state": lambda o: 0x0100 | o.state(o.facts.registers["iec61851_state"]),
    "state_long": state_long,
    "current_offered": lambda o: int(o.limit_A / 0.06 + 1e-6) if o.released else 1000,
}
WRITE = {"max_current_setpoint": set_duty, "state_control": state_control}
NAMES = {"state": "iec61851_state", "firmware": "firmware_version", "block_0": ("state_long", "word 0 of the block"),
         "block_1": ("state_long", "word 1 of the block"), "raw_l3": ("state_long", "word 2 of the block"),
         "raw_l2": ("state_long", "word 3 of the block"), "raw_l1": ("state_long", "word 4 of the block")}
