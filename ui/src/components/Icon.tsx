// Drawn here, 24 by 24, with strokes in the colour of the text. Never alone: a word stands beside each, or an aria-label on its button.
const paths = {
    overview: "M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z",
    charger: "M5 21V5a2 2 0 0 1 2-2h6a2 2 0 0 1 2 2v16M3 21h14M15 11h2a2 2 0 0 1 2 2v3a1.5 1.5 0 0 0 3 0V9l-3-3M10.5 7 8 11h4l-2.500 4",
    log: "M4 5h16M4 10h16M4 15h10M4 20h7",
    menu: "M4 6h16M4 12h16M4 18h16",
    close: "M6 6l12 12M18 6 6 18",
    add: "M12 5v14M5 12h14",
    edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
    users: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21v-1a6 6 0 0 1 6-6h2a6 6 0 0 1 6 6v1M16 3.500a4 4 0 0 1 0 7.500M18 14.500a6 6 0 0 1 4 5.500v1",
    audit: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
    settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2v3M12 19v3M4.900 4.900 7 7M17 17l2.100 2.100M2 12h3M19 12h3M4.900 19.100 7 17M17 7l2.100-2.100",
    transactions: "M4 7h13M13 3l4 4-4 4M20 17H7M11 13l-4 4 4 4",
    csms: "M7 18a4 4 0 0 1-.5-8A6 6 0 0 1 18 9a4.500 4.500 0 0 1-.5 9z",
    certificate: "M12 14a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM9 13l-1.500 8 4.500-2.500 4.500 2.500L15 13",
    profile: "M5 3h10l4 4v14H5zM9 12l-2 2.500L9 17M15 12l2 2.500L15 17",
    search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 21 21",
    error: "M12 3 22 20H2zM12 10v4M12 17v.2",
    warning: "M12 3 22 20H2zM12 10v4M12 17v.2",
    info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.2",
    ok: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12l3 3 5-6",
    bolt: "M13 2 5 14h6l-1 8 9-13h-6z",
    plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
    pause: "M8 5v14M16 5v14",
    play: "M7 4v16l13-8z",
    stop: "M6 6h12v12H6z",
    lock: "M6 11h12v10H6zM8 11V8a4 4 0 0 1 8 0v3",
    unlock: "M6 11h12v10H6zM8 11V8a4 4 0 0 1 7.500-2",
    limit: "M4 18a8 8 0 1 1 16 0M12 18l4-6",
    reset: "M4 12a8 8 0 1 0 2.500-5.800M4 4v4h4",
    power: "M12 3v9M6.500 7a8 8 0 1 0 11 0",
    send: "M3 11 21 3l-8 18-2-8z",
    silent: "M3 3l18 18M5 9a11 11 0 0 1 3-2M12 6a11 11 0 0 1 7 3M8 13a6 6 0 0 1 3-1.500M12 18v.2",
    circle: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z",
    off: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.700 5.700l12.600 12.600",
    question: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .8-1 1.700M12 16.500v.2",
    up: "M12 19V5M6 11l6-6 6 6",
    down: "M12 5v14M6 13l6 6 6-6",
    left: "M15 5l-7 7 7 7",
    right: "M9 5l7 7-7 7",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5",
    language: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3.500 6 3.500 9s-.5 6-3.500 9c-3-3-3.500-6-3.500-9s.5-6 3.500-9z",
    signOut: "M14 4h5v16h-5M3 12h11M10 8l4 4-4 4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
    return (
        <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d={paths[name]} />
        </svg>
    );
}
