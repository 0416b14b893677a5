import { announcement } from "../announce";
import { useStore } from "../store";

// The same text twice is heard twice: each turn is another element.
export function LiveRegion() {
    const { text, turn } = useStore(announcement);
    return <div class="visually-hidden" aria-live="polite">{text && <p key={turn}>{text}</p>}</div>;
}
