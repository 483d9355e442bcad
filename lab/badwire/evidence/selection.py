"""How the optional arguments of a query select records: None selects everything."""


def selects(wanted: object, value: object) -> bool:
    """Whether an argument of a query selects a record that has ``value``. None selects every record."""
    if wanted is None:
        return True
    return wanted == value


def is_within(t: int, began: int, ended: int | None) -> bool:
    """Whether an instant lies in a part of a run; both limits are included, and all times are in ns.

    Args:
        t: the instant.
        began: the first instant of the part.
        ended: the last instant of the part. None: the part has no end.
    """
    if t < began:
        return False
    if ended is None:
        return True
    return t <= ended
