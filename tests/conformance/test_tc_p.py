"""Data transfer, and data of others in known messages."""

CUSTOM = {"vendorId": "org.example.test", "note": "nobody knows this", "numbers": [1, 2]}


def test_TC_P_01_CS(station):   # P01.FR.05
    station().call("DataTransfer", {"vendorId": "org.example.test", "messageId": "unused"},
                   status={"UnknownVendorId", "UnknownMessageId", "Rejected"})


def test_TC_P_03_CS(station):
    """customDataType wherever it may stand is passed over."""
    cs = station()
    where = {"component": {"name": "OCPPCommCtrlr", "customData": CUSTOM}, "variable": {"name": "OfflineThreshold", "customData": CUSTOM},
             "attributeType": "Actual", "customData": CUSTOM}
    cs.call("SetVariables", {"setVariableData": [{**where, "attributeValue": "200"}], "customData": CUSTOM},
            setVariableResult__0__attributeStatus="Accepted")
    cs.call("GetVariables", {"getVariableData": [where], "customData": CUSTOM},
            getVariableResult__0={"attributeStatus": "Accepted", "attributeType": {"Actual", None}, "attributeValue": "200"})
