"""Programs, each put together from its events and its output."""

from collections.abc import Iterable

from badwire.store.records import Output, Program, Record


def programs(records: Iterable[Record]) -> tuple[Program, ...]:
    """Each program of each host, in the order in which they started."""
    events: dict[tuple[str, int], list[Record]] = {}
    outputs: dict[tuple[str, int], list[Output]] = {}
    for record in records:
        if record["kind"] == "program":
            events.setdefault((record["host"], record["program"]), []).append(record)
        elif record["kind"] == "output":
            output = Output(record["host"], record["program"], record["stream"], record["t"], record["text"])
            outputs.setdefault((output.host, output.program), []).append(output)
    return tuple(_program(key, group, outputs.get(key, [])) for key, group in events.items())


def _program(key: tuple[str, int], events: list[Record], outputs: list[Output]) -> Program:
    start = _event(events, "start")
    ready = _event(events, "ready")
    end = _event(events, "exit")
    return Program(
        host=key[0],
        number=key[1],
        name=start.get("name") or end.get("name") or "",
        argv=tuple(start.get("argv") or ()),
        pid=start.get("pid"),
        started=start["t"],
        ready=ready["t"],
        exited=end["t"],
        status=end.get("status"),
        signal=end.get("signal"),
        signals=tuple(event["signal"] for event in events if event["event"] == "signal"),
        zombies=end.get("zombies"),
        outputs=tuple(outputs),
    )


def _event(events: Iterable[Record], name: str) -> Record:
    return next((event for event in events if event["event"] == name), {"t": None})
