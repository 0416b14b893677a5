/* The facts that TxStartPoint and TxStopPoint name (Part 2, 2.6.6), as far as a charger lets us see them.
 *
 * DataSigned is not offered: no device shows us signed values. ParkingBayOccupancy is offered where a profile has the signal. */
#include "station/transaction_internal.h"

#include <stdio.h>

#include "base/str.h"
#include "station/variable_table.h"

const char *const charging_state_names[CHARGING_STATES] = {
    [CHARGING_STATE_CHARGING] = "Charging",
    [CHARGING_STATE_EV_CONNECTED] = "EVConnected",
    [CHARGING_STATE_SUSPENDED_EV] = "SuspendedEV",
    [CHARGING_STATE_SUSPENDED_EVSE] = "SuspendedEVSE",
    [CHARGING_STATE_IDLE] = "Idle",
};

static const struct {
    const char *name;
    uint32_t start, stop;
} tx_point_rows[] = {
    /* clang-format off */
    { "ParkingBayOccupancy", TX_PARKING_BAY_OCCUPANCY, TX_PARKING_BAY_OCCUPANCY },
    { "EVConnected",         TX_EV_CONNECTED,      TX_EV_CONNECTED },
    { "Authorized",          TX_AUTHORIZED,        TX_AUTHORIZED },
    /* to stop at it is the same as EVConnected, Authorized (2.6.6.2) */
    { "PowerPathClosed",     TX_POWER_PATH_CLOSED, TX_EV_CONNECTED | TX_AUTHORIZED },
    { "EnergyTransfer",      TX_ENERGY_TRANSFER,   TX_ENERGY_TRANSFER },
    /* clang-format on */
};

/* A station may have bays that are seen and others that are not. */
static uint32_t as_seen(const struct evse *e, uint32_t points)
{
    if (!(points & TX_PARKING_BAY_OCCUPANCY) || e->abilities.parking_bay)
        return points;
    return (points & ~(uint32_t)TX_PARKING_BAY_OCCUPANCY) | TX_EV_CONNECTED;
}

uint32_t tx_start_points(const struct evse *e)
{
    uint32_t points = 0;
    for (size_t i = 0; i < ARRAY_SIZE(tx_point_rows); i++)
        if (variable_has_member(e->station, VAR_TX_TX_START_POINT, tx_point_rows[i].name))
            points |= tx_point_rows[i].start;
    return as_seen(e, points);
}

uint32_t tx_stop_points(const struct evse *e)
{
    uint32_t points = 0;
    for (size_t i = 0; i < ARRAY_SIZE(tx_point_rows); i++)
        if (variable_has_member(e->station, VAR_TX_TX_STOP_POINT, tx_point_rows[i].name))
            points |= tx_point_rows[i].stop;
    return as_seen(e, points);
}

void tx_points_supported(const struct station *s, char *ret, size_t size)
{
    bool bay = false;
    size_t used = 0;
    for (size_t i = 0; i < s->evse_count; i++)
        bay |= s->evses[i].abilities.parking_bay;
    *ret = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(tx_point_rows) && used < size; i++)
        if (bay || tx_point_rows[i].start != TX_PARKING_BAY_OCCUPANCY)
            used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? "," : "", tx_point_rows[i].name);
}

uint32_t tx_points_now(const struct evse *e, uint32_t before)
{
    uint32_t points = 0;
    switch (e->signals.state) {
    case EVSE_AVAILABLE:
        break;
    case EVSE_CHARGING:
        points = TX_EV_CONNECTED | TX_ENERGY_TRANSFER;
        break;
    case EVSE_CONNECTED:
    case EVSE_SUSPENDED_EV:
    case EVSE_SUSPENDED_EVSE:
        points = TX_EV_CONNECTED;
        break;
    case EVSE_UNKNOWN: /* silent: whatever was goes on until it speaks */
        points = before & (TX_EV_CONNECTED | TX_ENERGY_TRANSFER);
        break;
    case EVSE_FAULTED: /* no energy, but the plug may well be in */
    case EVSE_UNAVAILABLE:
        points = before & TX_EV_CONNECTED;
        break;
    case EVSE_STATES:
        break;
    }
    if (e->abilities.parking_bay) {
        bool known = e->signals.online && e->signals.bay != BAY_UNKNOWN;
        bool occupied = known ? e->signals.bay == BAY_OCCUPIED : (before & TX_PARKING_BAY_OCCUPANCY) != 0;
        points |= occupied ? TX_PARKING_BAY_OCCUPANCY : 0;
    }
    if (e->tx.authorization == AUTHORIZATION_GRANTED)
        points |= TX_AUTHORIZED;
    if ((points & TX_EV_CONNECTED) && (points & TX_AUTHORIZED) && lock_holds(e)) /* G05.FR.01 */
        points |= TX_POWER_PATH_CLOSED;
    return points;
}

/* Without authorization nothing is offered, so nothing is suspended: E05.FR.09 prefers EVConnected. A connector we hold back
 * ourselves (limit 0, MaxEnergyOnInvalidId) is SuspendedEVSE, whatever the device calls it. */
enum charging_state tx_charging_state(const struct evse *e)
{
    bool authorized = e->tx.authorization == AUTHORIZATION_GRANTED;
    bool held_back = authorized && (e->tx.no_more_energy || smart_charging_is_paused(e));
    switch (e->signals.state) {
    case EVSE_AVAILABLE:
        return CHARGING_STATE_IDLE;
    case EVSE_CHARGING:
        return CHARGING_STATE_CHARGING;
    case EVSE_CONNECTED:
        return held_back ? CHARGING_STATE_SUSPENDED_EVSE : CHARGING_STATE_EV_CONNECTED;
    case EVSE_SUSPENDED_EV:
        return !authorized ? CHARGING_STATE_EV_CONNECTED
               : held_back ? CHARGING_STATE_SUSPENDED_EVSE
                           : CHARGING_STATE_SUSPENDED_EV;
    case EVSE_SUSPENDED_EVSE:
        return authorized ? CHARGING_STATE_SUSPENDED_EVSE : CHARGING_STATE_EV_CONNECTED;
    case EVSE_FAULTED:
    case EVSE_UNAVAILABLE:
        return e->tx.points & TX_EV_CONNECTED ? CHARGING_STATE_SUSPENDED_EVSE : CHARGING_STATE_IDLE;
    case EVSE_UNKNOWN:
    case EVSE_STATES:
        break;
    }
    return e->tx.charging_state; /* silent: as last known */
}
