// A field that narrows a list down: always may be empty, so nothing is said of that.
import { Field } from "./Form";

interface Props {
    label: string;
    value: string;
    onChange: (value: string) => void;
    type?: "search" | "datetime-local";
    error?: string | undefined;
}

export function FilterField({ label, value, onChange, type = "search", error }: Props) {
    return (
        <Field label={label} error={error}>
            {(tied) => <input {...({ type } as object)} {...tied} value={value} autocomplete="off" spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
    );
}
