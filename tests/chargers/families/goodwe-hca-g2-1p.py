"""GoodWe HCA G2 of 7 kW. phases_available: 1 = 1-phase; hw_max_power: 0 = 7 kW; max_power_setpoint is in W, so all of it flows in one phase."""

FACTS = "goodwe-hca-g2"
PHASES = 1
READ = {"hw_max_power": lambda o: 0, "phases_available": lambda o: 1}
