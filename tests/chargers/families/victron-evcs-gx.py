"""Victron EV Charging Station behind a GX device: the facts' variant, at registers of its own."""

FACTS = "victron-evcs"


def PATCH(data):
    variant = data["variants"][0]
    data["defaults"]["unit_id"] = variant["unit_id"]
    places = {name.split(" ")[0]: address for name, address in variant["registers"].items()}
    places["energy_session"] = places.pop("energy")
    data["registers"] = [dict(r, address=places[r["name"]]) for r in data["registers"] if r["name"] in places]
    energy = next(r for r in data["registers"] if r["name"] == "energy_session")
    energy.update(type="u32", words=2)


def STARTED(o):
    return o.enabled and o.memory.get("charging_mode", 1) == 0


READ = {"charging_mode": lambda o: o.memory.get("charging_mode", 1)}
NAMES = {"mode": "charging_mode", "state": "charge_point_state", "energy": "energy_session"}
