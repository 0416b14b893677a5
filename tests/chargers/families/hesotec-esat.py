"""Hesotec eSat: session_authorize releases, session_stop ends, session_pause holds."""


def authorize(o, raw):
    o.commanded = o.commanded or bool(raw)


def stop(o, raw):
    o.commanded = o.commanded and not raw


def STARTED(o):
    return o.commanded


WRITE = {"session_authorize": authorize, "session_stop": stop}
