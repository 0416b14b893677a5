"""Tariff and cost at the display of the simulated charger (block I)."""
from messages import is_not_shown, is_shown
from rig import TOKEN
from states import (EnergyTransferStarted, EVConnectedPostSession, EVConnectedPreSession, EVDisconnected, ParkingBayUnoccupied,
                    StopAuthorized)


def test_TC_I_01_CS(station):
    """Running cost by CostUpdated. Part 6 has no text for the station: by title and I02."""
    cs = station()
    EnergyTransferStarted(cs)
    for cost, text in ((1.5, "Cost: 1.50 EUR"), (2, "Cost: 2.00 EUR")):
        assert cs.call("CostUpdated", {"totalCost": cost, "transactionId": cs.tracks[1].transaction}) == {}
        is_shown(cs, text)


def test_TC_I_02_CS(station):
    """The total cost comes with the answer to Ended."""
    cs = station()
    EnergyTransferStarted(cs)
    cs.answer("TransactionEvent", lambda event: {"totalCost": 3.25} if event["eventType"] == "Ended" else {})
    StopAuthorized(cs)
    EVConnectedPostSession(cs)
    EVDisconnected(cs)
    ParkingBayUnoccupied(cs)
    is_shown(cs, "Total cost: 3.25 EUR")


def test_TC_I_07_CS(station):
    """A personal message at the authorization, another and running costs during the transaction."""
    cs = station(SampledDataCtrlr__TxUpdatedInterval=1)
    EVConnectedPreSession(cs)
    cs.answer("Authorize", {"idTokenInfo": {"status": "Accepted", "personalMessage": {"format": "ASCII", "content": "0.28 EUR/kWh"}}})
    cs.present(TOKEN)
    cs.next("Authorize", idToken=TOKEN)
    cs.event(idToken=TOKEN)
    is_shown(cs, "0.28 EUR/kWh")
    cs.tracks[1].authorized, cs.tracks[1].token = True, TOKEN
    EnergyTransferStarted(cs)
    for n in (1, 2, 3):
        cs.answer("TransactionEvent", {"updatedPersonalMessage": {"format": "ASCII", "content": f"0.3{n} EUR/kWh"}, "totalCost": n})
        is_shown(cs, f"0.3{n} EUR/kWh")
        is_shown(cs, f"Cost: {n}.00 EUR")
    is_not_shown(cs, "0.28 EUR/kWh")
