"""The programs of a run: each one's start, exit and output, put together from the records about it."""

from collections.abc import Iterable

from badwire.store.records import Input, Output, Program, Record

ProgramKey = tuple[str, int]  # a host's name and the number of one of its programs


def programs(records: Iterable[Record]) -> tuple[Program, ...]:
    """Each program of each host, in the order in which they started."""
    events: dict[ProgramKey, list[Record]] = {}
    outputs: dict[ProgramKey, list[Output]] = {}
    inputs: dict[ProgramKey, list[Input]] = {}
    for record in records:
        kind = record["kind"]
        if kind == "program":
            of_program = events.setdefault(_key(record), [])
            of_program.append(record)
        elif kind == "output":
            written = outputs.setdefault(_key(record), [])
            written.append(_output(record))
        elif kind == "input":
            typed = inputs.setdefault(_key(record), [])
            typed.append(_input(record))
    found = []
    for key, of_program in events.items():
        written = outputs.get(key, [])
        typed = inputs.get(key, [])
        found.append(_program(key, of_program, written, typed))
    return tuple(found)


def _key(record: Record) -> ProgramKey:
    return record["host"], record["program"]


def _output(record: Record) -> Output:
    return Output(
        host=record["host"],
        program=record["program"],
        stream=record["stream"],
        t=record["t"],
        text=record["text"],
    )


def _input(record: Record) -> Input:
    return Input(
        host=record["host"],
        program=record["program"],
        t=record["t"],
        text=record["text"],
    )


def _program(
    key: ProgramKey,
    events: list[Record],
    outputs: list[Output],
    inputs: list[Input],
) -> Program:
    host, number = key
    start = _event(events, "start")
    ready = _event(events, "ready")
    end = _event(events, "exit")
    return Program(
        host=host,
        number=number,
        name=start.get("name") or end.get("name") or "",
        argv=tuple(start.get("argv") or ()),
        pid=start.get("pid"),
        started=start["t"],
        ready=ready["t"],
        exited=end["t"],
        status=end.get("status"),
        signal=end.get("signal"),
        signals=_signals(events),
        zombies=end.get("zombies"),
        outputs=tuple(outputs),
        inputs=tuple(inputs),
    )


def _event(events: Iterable[Record], name: str) -> Record:
    """The first event of this name; without one, a record without a time."""
    for event in events:
        if event["event"] == name:
            return event
    return {"t": None}


def _signals(events: Iterable[Record]) -> tuple[str | int, ...]:
    """The signals that the lab sent to the program, in order."""
    sent = []
    for event in events:
        if event["event"] == "signal":
            sent.append(event["signal"])
    return tuple(sent)
