"""The devices' own points at the CSMS: temperatures, fault words, counters, and how it goes with the way to the device."""
from harness import Site, until

INLET = ({"name": "TemperatureSensor", "evse": {"id": 1}}, {"name": "Temperature"})


def read(site, station, component, variable):
    """The value at the CSMS, or the status why there is none."""
    answer = site.csms.call(station, "GetVariables", {"getVariableData": [{"component": component, "variable": variable}]})
    result = answer["getVariableResult"][0]
    return result["attributeValue"] if result["attributeStatus"] == "Accepted" else result["attributeStatus"]


def health(site, name, instance=None, evse=1):
    variable = {"name": name, **({"instance": instance} if instance else {})}
    return read(site, "CS1", {"name": "FieldDevice", "evse": {"id": evse}}, variable)


def test_a_temperature_and_a_fault_word_are_read_at_the_csms():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        until(lambda: read(site, "CS1", *INLET) == "25", "the temperature")
        site.ask("ambient tcp1 -7.5")
        until(lambda: read(site, "CS1", *INLET) == "-7.5", "another temperature")
        fault_code = {"name": "Controller"}, {"name": "FaultCode"}
        assert read(site, "CS1", *fault_code) == "0"
        site.ask("fault tcp1 1234")
        until(lambda: read(site, "CS1", *fault_code) == "1234", "the fault word")

        assert site.csms.call("CS1", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})["status"] == "Accepted"
        until(lambda: any(not r.get("tbc") for r in site.csms.heard("CS1", "NotifyReport")), "the report")
        rows = [row for report in site.csms.heard("CS1", "NotifyReport") for row in report["reportData"]]
        row, = [r for r in rows if r["component"]["name"] == "TemperatureSensor"]
        assert row["component"]["evse"] == {"id": 1}
        assert row["variableAttribute"][0]["value"] == "-7.5" and row["variableAttribute"][0]["mutability"] == "ReadOnly"
        assert row["variableCharacteristics"]["unit"] == "Celsius"
        assert (row["variableCharacteristics"]["minLimit"], row["variableCharacteristics"]["maxLimit"]) == (-40, 150)


def test_a_silent_device_has_no_temperature_and_is_a_problem():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        until(lambda: read(site, "CS1", *INLET) == "25", "the temperature")
        assert health(site, "Problem") == "false" and health(site, "Count", "Losses") == "0"
        assert float(health(site, "AnswerAge")) < 5
        requests = int(health(site, "Count", "Requests"))
        until(lambda: int(health(site, "Count", "Requests")) > requests, "it is polled")
        assert int(health(site, "Count", "Answers")) > 0
        site.ask("mute tcp1 on")
        until(lambda: health(site, "Problem") == "true", "the device is missed")
        until(lambda: read(site, "CS1", *INLET) == "", "no temperature")
        assert health(site, "Count", "Losses") == "1" and int(health(site, "Count", "Timeouts")) > 0
        site.ask("mute tcp1 off")
        until(lambda: read(site, "CS1", *INLET) == "25", "the temperature again")
        assert health(site, "Problem") == "false"


def test_of_several_chargers_each_tells_its_own_at_its_evse():
    with Site() as site:
        site.station("CS1", site.tcp_charger(), site.tcp_charger("tcp2", 15021), site.rtu_charger())
        site.start()
        site.ask("ambient tcp2 40")
        site.ask("fault rtu1 7")
        second = {"name": "TemperatureSensor", "evse": {"id": 2}}, {"name": "Temperature"}
        until(lambda: read(site, "CS1", *second) == "40", "the second's temperature")
        assert read(site, "CS1", *INLET) == "25"
        assert read(site, "CS1", {"name": "Controller"}, {"name": "FaultCode"}) == "UnknownComponent"
        third = {"name": "Controller", "evse": {"id": 3}}, {"name": "FaultCode"}
        until(lambda: read(site, "CS1", *third) == "7", "the third's fault word")
        until(lambda: read(site, "CS1", {"name": "TemperatureSensor", "evse": {"id": 3}}, {"name": "Temperature"}) == "25",
              "the third's temperature")
        assert health(site, "Problem", evse=3) == "false"


def test_a_node_of_echonet_lite_is_counted_too():
    with Site() as site:
        site.station("CS1", site.echonet_charger())
        site.start()
        until(lambda: int(health(site, "Count", "Answers")) > 2, "answers")
        assert health(site, "Problem") == "false" and float(health(site, "AnswerAge")) < 30


def test_a_monitor_of_the_profile_alerts_when_the_device_is_hot():   # N07.FR.02, N07.FR.16
    with Site() as site:
        site.station("CS1", site.rtu_charger())
        site.start()
        sensor = {"name": "TemperatureSensor"}, {"name": "Temperature"}
        until(lambda: read(site, "CS1", *sensor) == "25", "the temperature")
        site.ask("ambient rtu1 95")
        event, = site.csms.expect("CS1", "NotifyEvent")["eventData"]
        assert (event["component"], event["variable"]) == sensor
        assert event["trigger"] == "Alerting" and event["actualValue"] == "95"
        assert event["eventNotificationType"] == "PreconfiguredMonitor"
        site.ask("ambient rtu1 40")
        event, = site.csms.expect("CS1", "NotifyEvent", 2)["eventData"]
        assert event["actualValue"] == "40" and event["cleared"]
