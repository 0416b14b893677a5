"""Transactions."""
from states import Authorized, EnergyTransferStarted, EVConnectedPreSession


def test_TC_E_03_CS(station):
    """The cable first, then the card."""
    cs = station()
    EVConnectedPreSession(cs)
    Authorized(cs)
    EnergyTransferStarted(cs)


def test_TC_E_04_CS(station):
    """The card first, then the cable."""
    cs = station()
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)
