"""GoodWe HCA G2. hw_max_power: 2 = 22 kW."""

READ = {"hw_max_power": lambda o: 2}
