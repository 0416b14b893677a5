"""Free2move eProWallbox. Notes of the energies: `sign inverted: charge energy is negative`."""

READ = {f"energy_total_l{p}": lambda o: -o.energy_Wh / 3 for p in (1, 2, 3)}
ENERGY_WH = lambda o: o.energy_Wh  # noqa: E731
TOLERANCE = {"Energy.Active.Import.Register": 1}      # a sum of three f32
