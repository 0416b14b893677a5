// Measured values by their names in profiles: units, and which belong together.
import { current, energy, number, power, quantity, voltage, withUnit } from "../../format";

type Show = (value: number | undefined) => string;
const shows: readonly [RegExp, Show][] = [
    [/^energy/, energy],
    [/^power_factor/, (value) => number(value, 2, 2)],
    [/^power/, power],
    [/current/, current],
    [/^voltage/, voltage],
    [/^frequency/, (value) => quantity(value, "Hz", 2)],
    [/^temperature/, (value) => quantity(value, "°C")],
    [/^soc/, (value) => withUnit(number(value), "%")],
];

export function measureText(name: string, value: number | undefined): string {
    const show = shows.find(([names]) => names.test(name))?.[1];
    return show ? show(value) : number(value, 2);
}

export interface PhaseLine {
    name: string;
    current: number | undefined;
    voltage: number | undefined;
    power: number | undefined;
}

export function phases(measured: Record<string, number>): PhaseLine[] {
    return [1, 2, 3]
        .map((n) => ({
            name: "L" + n,
            current: measured["current_import_l" + n],
            voltage: measured["voltage_l" + n],
            power: measured["power_import_l" + n],
        }))
        .filter((line) => line.current !== undefined || line.voltage !== undefined || line.power !== undefined);
}

// What stands neither in the phases nor large above.
export const otherMeasures = (measured: Record<string, number>): string[] =>
    Object.keys(measured).filter((name) => !/_l[123]$/.test(name) && name !== "power_import");
