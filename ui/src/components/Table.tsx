// A table: sorted by a click on a heading, in pages, rows reached by arrow keys and opened by Enter. On a phone each row is a card.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { number } from "../format";
import { Icon } from "./Icon";
import { Empty } from "./State";

export interface Column<Row> {
    id: string;
    title: string;
    cell: (row: Row) => ComponentChildren;
    sort?: (row: Row) => string | number | null | undefined; // absent: not sorted by
    numeric?: boolean;
    class?: string;
}

// Of a list that the gateway pages; else the table pages what it has.
export interface Paging {
    offset: number;
    limit: number;
    total: number;
    onOffset: (offset: number) => void;
}

interface Props<Row> {
    caption: string; // for screen readers
    columns: readonly Column<Row>[];
    rows: readonly Row[];
    rowKey: (row: Row) => string;
    onOpen?: (row: Row) => void;
    rowClass?: (row: Row) => string;
    paging?: Paging;
    pageSize?: number;
    sortedBy?: string; // column at the beginning
    descending?: boolean;
    empty?: ComponentChildren;
}

function compare(a: string | number | null | undefined, b: string | number | null | undefined): number {
    if (a === b) return 0;
    if (a === null || a === undefined || a === "") return 1;
    if (b === null || b === undefined || b === "") return -1;
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
}

export function Pager({ offset, limit, total, onOffset }: Paging) {
    if (total <= limit && offset === 0) return null;
    const shown = { from: number(Math.min(offset + 1, total)), to: number(Math.min(offset + limit, total)), total: number(total) };
    return (
        <div class="pager">
            <button type="button" class="icon-button" aria-label={t("table.previous")} disabled={offset === 0} onClick={() => onOffset(Math.max(0, offset - limit))}>
                <Icon name="left" />
            </button>
            <span>{t("table.range", shown)}</span>
            <button type="button" class="icon-button" aria-label={t("table.next")} disabled={offset + limit >= total} onClick={() => onOffset(offset + limit)}>
                <Icon name="right" />
            </button>
        </div>
    );
}

export function Table<Row>(props: Props<Row>) {
    const { caption, columns, rows, rowKey, onOpen, rowClass, paging, pageSize = 100, empty } = props;
    const [order, setOrder] = useState({ by: props.sortedBy ?? "", down: props.descending ?? false });
    const [offset, setOffset] = useState(0);
    const body = useRef<HTMLTableSectionElement>(null);
    const [active, setActive] = useState("");

    const by = columns.find((column) => column.id === order.by)?.sort;
    const sorted = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (order.down ? -1 : 1)) : rows;
    const start = paging ? 0 : Math.min(offset, Math.max(0, Math.floor((sorted.length - 1) / pageSize) * pageSize));
    const shown = paging ? sorted : sorted.slice(start, start + pageSize);
    useEffect(() => setOffset(0), [order.by, order.down]);
    if (rows.length === 0) return <>{empty ?? <Empty title={t("table.empty")} />}</>;

    const keys = shown.map(rowKey);
    const stop = keys.includes(active) ? active : keys[0]; // the row that Tab reaches
    const move = (event: KeyboardEvent, index: number, row: Row): void => {
        if (event.target !== event.currentTarget) return; // a button in a cell
        const to: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: shown.length - 1 };
        if (event.key === "Enter") onOpen?.(row);
        else if (to[event.key] !== undefined) (body.current?.children[to[event.key] ?? 0] as HTMLElement | undefined)?.focus();
        else return;
        event.preventDefault();
    };
    const opener = (row: Row, index: number) => onOpen && {
        tabIndex: keys[index] === stop ? 0 : -1,
        onClick: (event: MouseEvent) => { if (!(event.target as Element).closest("a, button, input, select, summary")) onOpen(row); },
        onKeyDown: (event: KeyboardEvent) => move(event, index, row),
        onFocus: () => setActive(keys[index] ?? ""),
    };
    return (
        <div class="table-box">
            <table role="table" class={onOpen ? "opens" : ""}>
                <caption class="visually-hidden">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        {columns.map((column) => <Heading key={column.id} column={column} order={order} onOrder={setOrder} />)}
                    </tr>
                </thead>
                <tbody role="rowgroup" ref={body}>
                    {shown.map((row, i) => (
                        <tr role="row" key={keys[i]} class={rowClass?.(row) ?? ""} {...opener(row, i)}>
                            {columns.map((column) => (
                                <td role="cell" key={column.id} class={`${column.numeric ? "numeric" : ""} ${column.class ?? ""}`} data-label={column.title}>
                                    <div>{column.cell(row)}</div>
                                </td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
            <Pager {...(paging ?? { offset: start, limit: pageSize, total: sorted.length, onOffset: setOffset })} />
        </div>
    );
}

interface Order {
    by: string;
    down: boolean;
}

function Heading<Row>({ column, order, onOrder }: { column: Column<Row>; order: Order; onOrder: (order: Order) => void }) {
    const isBy = order.by === column.id;
    return (
        <th role="columnheader" scope="col" class={column.numeric ? "numeric" : ""} aria-sort={isBy ? (order.down ? "descending" : "ascending") : undefined}>
            {column.sort ? (
                <button type="button" title={t("table.sortBy", { column: column.title })} onClick={() => onOrder({ by: column.id, down: isBy && !order.down })}>
                    {column.title}
                    <span class="sort-mark">{isBy && <Icon name={order.down ? "down" : "up"} size={14} />}</span>
                </button>
            ) : column.title}
        </th>
    );
}
