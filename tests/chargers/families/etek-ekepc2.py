"""Etek EKEPC2. The setpoint is a duty of 0.01 % (`raw = A * 167`, of which IEC 61851 makes 0.6 A for each %); a remote stop shows as state 19 (`remote stop looks like an emergency stop`), where
cp_voltage tells A from B (below 300 taken for B: the voltage falls when a car is there); the meter is configured (address not 65535)."""


def set_duty(o, raw):
    o.setpoints_A["max_current_setpoint"] = min(32, raw * 0.006)


READ = {
    "charge_point_state": lambda o: 19 if o.memory.get("session_control") == 2 else o.state(o.facts.registers["charge_point_state"]),
    "cp_voltage": lambda o: 250 if o.plugged else 350,
    "max_current_setpoint": lambda o: o.memory.get("max_current_setpoint", 5333),
    "pwm_duty": lambda o: int(o.limit_A / 0.006) if o.released else 10000,
}
WRITE = {"max_current_setpoint": set_duty}
NAMES = {"control": "session_control", "meter_voltage": "ext_meter_voltage_addr_l1", "meter_power": "ext_meter_power_addr",
         "meter_energy": "ext_meter_energy_addr", "duty": "max_current_setpoint", "state": "charge_point_state"}
