"""EM2GO Duo Power. charge_point_state: `low byte connector 1, high byte connector 2`."""


def states(o):
    register = o.facts.registers["charge_point_state"]
    return sum(outlet.state(register) << 8 * outlet.index for outlet in o.box.outlets)


READ = {"charge_point_state": states}
NAMES = {"state_1": "charge_point_state", "state_2": "charge_point_state"}
