"""go-e Charger. charging_force_state: 0 neutral (then charging_enable counts), 1 force off, 2 force on; phases_active: bits 0..2 after, 3..5
before the contactor."""


def STARTED(o):
    return {1: False, 2: True}.get(o.memory.get("charging_force_state", 0), o.enabled)


READ = {"phases_active": lambda o: 0b111000 | (0b111 if o.phases == 3 else 1) * o.flowing}
