"""Mennekes AMTRON with HCC3. cable_max_current: 1 open, 4 = 32 A."""

READ = {"cable_max_current": lambda o: 4 if o.plugged else 1}
