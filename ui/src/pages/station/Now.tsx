// What each EVSE does at this moment, and the last hour.
import { StateBadge } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { Card } from "../../components/Page";
import { Plot } from "../../components/Plot";
import { ErrorBox } from "../../components/State";
import { current, duration, energy, hourMinute, moment, NONE, power } from "../../format";
import { useClock } from "../../hooks";
import { t, tOr } from "../../i18n";
import type { EvseStatus, ItemEvse, SignalsEvent, StationStatus } from "../../types";
import { EvseCommands } from "./EvseCommands";
import { measureText, otherMeasures, phases } from "./measures";
import type { Model } from "./model";

export function Now({ model, status }: { model: Model; status: StationStatus }) {
    const { times, powerW, energyWh, problem, reload } = model.power;
    const start = energyWh.findIndex((value) => value !== null);
    return (
        <div class="stack">
            <div class="columns">
                {status.evses.map((evse) => (
                    <EvseCard key={evse.id} model={model} status={evse} several={status.evses.length > 1}
                        item={model.item?.evses.find((one) => one.evse === evse.id)} signals={model.live.signals.get(evse.id)} />
                ))}
            </div>
            {(status.reservations ?? []).map((one) => (
                <p key={one.id} class="notice notice-info"><Icon name="info" />{one.evse ? t("term.evseN", { n: one.evse }) + ": " : ""}{t("station.reservation", { time: moment(one.expires) })}</p>
            ))}
            <Card title={t("station.plot")}>
                {problem && <ErrorBox problem={problem} onRetry={reload} />}
                <Plot title={t("station.plot")} times={times} series={[
                    { label: t("term.power"), values: powerW, show: power, color: 1, fill: true, scale: "W" },
                    ...(start >= 0 ? [{ label: t("station.energyHour", { time: hourMinute((times[start] ?? 0) * 1000) }), values: energyWh, show: energy, color: 2 as const, scale: "Wh" }] : []),
                ]} />
            </Card>
        </div>
    );
}

interface EvseProps {
    model: Model;
    status: EvseStatus;
    item: ItemEvse | undefined;
    signals: SignalsEvent | undefined;
    several: boolean;
}

function EvseCard({ model, status, item, signals, several }: EvseProps) {
    const device = signals ?? status.device;
    const measured = device.online ? device.measured : {};
    const state = device.online ? device.state : "silent";
    const limit = item?.limitA ?? status.limit_A;
    const watts = measured.power_import ?? (device.online ? item?.powerW : undefined);
    return (
        <Card title={several ? t("term.evseN", { n: status.id }) : t("station.tab.now")} actions={<StateBadge state={state} />}>
            <div class="evse-figures">
                <dl>
                    <div><dt>{t("term.power")}</dt><dd>{power(watts)}</dd></div>
                    <div>
                        <dt>{t("station.limitNow")}</dt>
                        <dd>{limit === undefined ? t("station.noLimit") : current(limit)}</dd>
                        <dd class="under">{limit === undefined ? t("station.unlimitedHint") : t("station.limitBy", { who: setterText(status.limit_by) })}</dd>
                    </div>
                    <div><dt>{t("station.connector")}</dt><dd>{tOr("status." + status.status, status.status)}</dd></div>
                </dl>
            </div>
            <Transaction status={status} item={item} />
            <EvseCommands model={model} evse={status} transaction={status.transaction?.id ?? item?.transaction?.id} answers={device.online} />
            {device.online ? <Measures measured={measured} locked={device.locked} /> : <p class="muted">{t("station.silent")}</p>}
            {status.display?.text && <p class="display-text"><span class="muted small">{t("station.display")}</span> <q>{status.display.text}</q></p>}
        </Card>
    );
}

// "EMS", or "TxProfile 7"; nobody: then the device, its cable, or what gateway.yaml says of them.
function setterText(setter: string | undefined): string {
    const [name = "", id] = (setter ?? "").split(" ");
    if (!name) return t("limits.kind.device");
    return tOr("source." + name, tOr("purpose." + name, name)) + (id ? " " + id : "");
}

function Transaction({ status, item }: { status: EvseStatus; item: ItemEvse | undefined }) {
    const now = useClock(1000);
    const there = status.transaction, short = item?.transaction;
    if (!there && !short) return <p class="muted transaction-none">{t("station.noTransaction")}</p>;
    const started = short?.startedAt ?? (there?.started_ms ? new Date(there.started_ms) : undefined);
    const begin = started ? new Date(started).getTime() : NaN;
    const token = there?.idToken?.idToken ?? short?.idToken;
    return (
        <section class="transaction">
            <h3><Icon name="transactions" size={17} /> {t("term.transaction")} <code class="muted">{there?.id ?? short?.id}</code></h3>
            <dl class="facts">
                <div><dt>{t("station.sessionEnergy")}</dt><dd>{energy(short?.energyWh ?? there?.energy_Wh)}</dd></div>
                <div><dt>{t("station.duration")}</dt><dd>{duration((now - begin) / 1000)}</dd></div>
                <div><dt>{t("station.started")}</dt><dd>{moment(started)}</dd></div>
                <div><dt>{t("station.token")}</dt><dd class="small">{token ?? NONE}</dd></div>
            </dl>
        </section>
    );
}

function Measures({ measured, locked }: { measured: Record<string, number>; locked: boolean | undefined }) {
    const lines = phases(measured);
    const others = otherMeasures(measured);
    const hasPower = lines.some((line) => line.power !== undefined);
    if (lines.length === 0 && others.length === 0) return <p class="muted">{t("station.notTold")}</p>;
    return (
        <>
            {lines.length > 0 && (
                <table class="phases">
                    <thead><tr><th scope="col">{t("station.phase")}</th><th scope="col" class="numeric">{t("term.current")}</th><th scope="col" class="numeric">{t("term.voltage")}</th>{hasPower && <th scope="col" class="numeric">{t("term.power")}</th>}</tr></thead>
                    <tbody>{lines.map((line) => (
                        <tr key={line.name}>
                            <th scope="row">{line.name}</th>
                            <td class="numeric">{measureText("current_import", line.current)}</td>
                            <td class="numeric">{measureText("voltage", line.voltage)}</td>
                            {hasPower && <td class="numeric">{measureText("power_import", line.power)}</td>}
                        </tr>
                    ))}</tbody>
                </table>
            )}
            <dl class="facts">
                {others.map((name) => <div key={name}><dt>{tOr("measure." + name, name)}</dt><dd>{measureText(name, measured[name])}</dd></div>)}
                {locked !== undefined && <div><dt>{t("signal.locked")}</dt><dd>{locked ? t("yes") : t("no")}</dd></div>}
            </dl>
        </>
    );
}
