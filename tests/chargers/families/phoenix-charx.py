"""Phoenix Contact CHARX. meter_type: 0 and 65535 are none."""

READ = {"meter_type": lambda o: 1}
