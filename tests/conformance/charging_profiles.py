"""Charging profiles as the cases of block K set and read them."""
import datetime
import itertools

from rig import until

DEVIATION = 5      # s, "configured max time deviation"
EVSE = 1           # "configured evseId"
PHASES = 3         # of the simulated charger
requests = itertools.count(4100)


def multiplier(unit):
    """Of the limits of a case: a few ampere in either unit (errata 6.2.69)."""
    return 1 if unit == "A" else 230 * PHASES


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def moment(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00"))


def after(seconds, start=None):
    """A time so many seconds from now, or from `start`, as a text."""
    return text((start or now()) + datetime.timedelta(seconds=seconds))


def profile(id_, purpose="TxDefaultProfile", kind="Absolute", periods=((0, 6),), unit="A", level=0, duration=None, start=None, **more):
    """A ChargingProfileType; `periods` are (startPeriod, limit without multiplier). An Absolute one starts now if it does not say when."""
    schedule = {"id": id_, "chargingRateUnit": unit, "chargingSchedulePeriod": [
        {"startPeriod": at, "limit": limit * multiplier(unit), "numberPhases": PHASES} for at, limit in periods]}
    if kind != "Relative":
        schedule["startSchedule"] = start or after(0)
    if duration:
        schedule["duration"] = duration
    return {"id": id_, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": kind,
            "chargingSchedule": [schedule], **more}


def install(cs, charging_profile, evse=EVSE, status="Accepted"):
    return cs.call("SetChargingProfile", {"evseId": evse, "chargingProfile": charging_profile}, status=status)


def same(reported, sent):
    """The very profile, times by their value."""
    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return [plain(v) for v in value]
        if isinstance(value, str) and len(value) > 18 and value[4] == "-" and value[10] == "T":
            return moment(value)
        return value
    assert plain(reported) == plain(sent), f"reported {reported}\nsent     {sent}"


def reported(cs, criterion=None, status="Accepted", **members):
    """GetChargingProfiles, and all profiles of its reports as (evseId, chargingLimitSource, profile); none without Accepted."""
    request_id = next(requests)
    cs.call("GetChargingProfiles", {"requestId": request_id, "chargingProfile": criterion or {}, **members}, status=status)
    found = []
    while status == "Accepted":
        part = cs.next("ReportChargingProfiles", requestId=request_id)
        found += [(part["evseId"], part["chargingLimitSource"], p) for p in part["chargingProfile"]]
        if not part.get("tbc", False):
            break
    return found


def composite(cs, evse, duration, unit="A", status="Accepted"):
    """GetCompositeSchedule: (scheduleStart, [(startPeriod, limit without multiplier)])."""
    asked = now()
    answer = cs.call("GetCompositeSchedule", {"evseId": evse, "duration": duration, "chargingRateUnit": unit}, status=status)
    schedule = answer["schedule"]
    start = moment(schedule["scheduleStart"])
    assert abs((start - asked).total_seconds()) <= DEVIATION
    assert (schedule["evseId"], schedule["duration"], schedule["chargingRateUnit"]) == (evse, duration, unit)
    periods = [(p["startPeriod"], p["limit"] / multiplier(unit)) for p in schedule["chargingSchedulePeriod"]]
    assert periods[0][0] == 0 and all(a[0] < b[0] for a, b in zip(periods, periods[1:]))
    assert periods[-1][0] < duration
    return start, periods


def is_schedule(found, wanted):
    """[(startPeriod, limit)] is as wanted; a limit of None is the station's own, whatever it is. Limits to a watt."""
    assert [at for at, _ in found] == [at for at, _ in wanted], f"{found}, not {wanted}"
    for (_, limit), (_, want) in zip(found, wanted):
        assert want is None or abs(limit - want) < 0.01, f"{found}, not {wanted}"


def device_is_held_to(cs, ampere, evse=EVSE):
    """The limit has come to the device: what the vehicle draws on each phase."""
    until(lambda: abs(max(cs.show(evse)["currents"]) - ampere) < 0.3, f"the device is not held to {ampere} A")
