// Fields: each with its label, a hint, and what is wrong with it, tied together for screen readers.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../i18n";

interface Common {
    label: string;
    hint?: ComponentChildren;
    error?: string | undefined;
    optional?: boolean;
    disabled?: boolean;
    name?: string;
    hideLabel?: boolean;
}

interface Tied {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
}

export function Field({ label, hint, error, optional, hideLabel, children }: Common & { children: (tied: Tied) => ComponentChildren }) {
    const id = useId();
    const described = [hint ? id + "-hint" : "", error ? id + "-error" : ""].filter(Boolean).join(" ");
    return (
        <div class={`field ${error ? "field-wrong" : ""}`}>
            <label for={id} class={hideLabel ? "visually-hidden" : ""}>
                {label}{optional && <span class="muted"> ({t("field.optional")})</span>}
            </label>
            {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
            {hint && <p id={id + "-hint"} class="field-hint">{hint}</p>}
            {error && <p id={id + "-error"} class="field-error">{error}</p>}
        </div>
    );
}

interface Input {
    type?: "text" | "search" | "url" | "email" | "datetime-local";
    autocomplete?: "on" | "off" | "username" | "current-password" | "new-password";
    autocapitalize?: "off";
    spellcheck?: boolean;
    autofocus?: boolean;
    placeholder?: string;
    maxLength?: number;
    list?: string; // id of a <datalist>
}
type TextProps = Common & { value: string; onChange: (value: string) => void; input?: Input };

export function TextField({ value, onChange, input, ...common }: TextProps) {
    return (
        <Field {...common}>
            {(tied) => <input {...(input as object)} {...tied} name={common.name} value={value} disabled={common.disabled}
                required={!common.optional} onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
    );
}

export function PasswordField({ value, onChange, input, ...common }: TextProps) {
    const [shown, show] = useState(false);
    return (
        <Field {...common}>
            {(tied) => (
                <div class="with-button">
                    <input {...(input as object)} {...tied} type={(shown ? "text" : "password") as "text"} name={common.name} value={value} required
                        autocapitalize="off" spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />
                    <button type="button" class="button" aria-pressed={shown} onClick={() => show(!shown)}>
                        {shown ? t("field.hide") : t("field.show")}
                    </button>
                </div>
            )}
        </Field>
    );
}

// The text as it is typed; readNumber() makes a number of it, or says what is wrong.
export function NumberField({ value, onChange, input, unit, ...common }: TextProps & { unit?: string }) {
    return (
        <Field {...common}>
            {(tied) => (
                <div class="with-unit">
                    <input inputMode="decimal" autocomplete="off" {...(input as object)} {...tied} type="text" name={common.name} value={value}
                        disabled={common.disabled} required={!common.optional} onInput={(event) => onChange(event.currentTarget.value)} />
                    {unit && <span>{unit}</span>}
                </div>
            )}
        </Field>
    );
}

export function readNumber(text: string, min = -Infinity, max = Infinity): { value: number; error?: undefined } | { value?: undefined; error: string } {
    const trimmed = text.trim().normalize("NFKC"); // "１６" from a Japanese keyboard is 16
    if (!trimmed) return { error: t("field.required") };
    const value = Number(trimmed.replace(",", "."));
    if (!Number.isFinite(value)) return { error: t("field.number") };
    if (value < min) return { error: t("field.min", { min }) };
    if (value > max) return { error: t("field.max", { max }) };
    return { value };
}

// After a try to send: to the first field that is wrong, where its message is read out.
export function focusWrong({ currentTarget }: { currentTarget: EventTarget | null }): void {
    const form = currentTarget as HTMLElement | null;
    window.setTimeout(() => form?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
}

export interface Option {
    value: string;
    label: string;
}

export function SelectField({ value, onChange, options, ...common }: Common & { value: string; onChange: (value: string) => void; options: readonly Option[] }) {
    return (
        <Field {...common}>
            {(tied) => (
                <select {...tied} name={common.name} value={value} disabled={common.disabled}
                    onChange={(event) => onChange(event.currentTarget.value)}>
                    {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
                </select>
            )}
        </Field>
    );
}

export function TextArea({ value, onChange, rows = 6, ...common }: Common & { value: string; onChange: (value: string) => void; rows?: number }) {
    return (
        <Field {...common}>
            {(tied) => <textarea {...tied} name={common.name} rows={rows} value={value} disabled={common.disabled} spellcheck={false}
                onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
    );
}

export function CheckField({ label, checked, onChange, disabled, hint }: { label: string; checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean; hint?: string }) {
    const id = useId();
    return (
        <div class="field-check">
            <input type="checkbox" id={id} checked={checked} disabled={disabled} aria-describedby={hint ? id + "-hint" : undefined}
                onChange={(event) => onChange(event.currentTarget.checked)} />
            <label for={id}>{label}</label>
            {hint && <p id={id + "-hint"} class="field-hint">{hint}</p>}
        </div>
    );
}

// One of a few, all in sight.
export function Choice({ label, value, onChange, options, stacked }: { label: string; value: string; onChange: (value: string) => void; options: readonly Option[]; stacked?: boolean }) {
    const name = useId();
    return (
        <fieldset class={`choice ${stacked ? "choice-stacked" : ""}`}>
            <legend class="visually-hidden">{label}</legend>
            {options.map((option) => (
                <label key={option.value} class={option.value === value ? "chosen" : ""}>
                    <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
                    <span>{option.label}</span>
                </label>
            ))}
        </fieldset>
    );
}

export function SearchField({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
    return <TextField label={label} hideLabel optional value={value} onChange={onChange} input={{ type: "search", placeholder: label, autocomplete: "off", spellcheck: false }} />;
}
