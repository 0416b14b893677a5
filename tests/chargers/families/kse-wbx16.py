"""KSE wBX16. firmware_version: `high byte = hardware revision letter; >= R (0x52) can switch phases`."""

READ = {"firmware_version": lambda o: 0x5201}
