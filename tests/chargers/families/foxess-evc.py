"""FoxESS EVC. Notes of the temperatures: `offset 50 degC`."""

READ = {"temperature": lambda o: 810, "port_temperature": lambda o: 820}
SKIP = {"unlock": "cable_lock_control has no enum: what unlocks is not known"}
