"""{server} and {port} in the arguments of a program."""

import pytest

from badwire.errors import BadOption
from badwire.testbed.placeholders import addresses_by_name, fill_in
from tests.quick import no_leftovers as no_leftovers

ADDRESSES = addresses_by_name(
    [
        ("server", "10.0.0.2"),
        ("my_db.internal", "10.0.0.3"),
        ("my_db.internal", "10.0.0.3"),
        ("all", "10.0.0.2"),
        ("all", "10.0.0.3"),
    ]
)


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        ("{server}", "10.0.0.2"),
        ("http://{server}:{port}/{server}", "http://10.0.0.2:80/10.0.0.2"),
        ("{my_db.internal}", "10.0.0.3"),
        ("{print $1}", "{print $1}"),
        ('{"server": {}}', '{"server": {}}'),
        ("{Server}", "{Server}"),
        ("server", "server"),
        ("{}", "{}"),
        ("{{server}}", "{10.0.0.2}"),
        ("", ""),
    ],
)
def test_names_of_hosts_and_the_port_are_filled_in_and_nothing_else(text: str, filled_in: str) -> None:
    assert fill_in(text, ADDRESSES, 80) == filled_in


def test_without_a_port_its_braces_stay() -> None:
    assert fill_in("{port}", ADDRESSES) == "{port}"


def test_a_name_of_several_hosts_is_refused() -> None:
    with pytest.raises(BadOption, match=r"^\{all\} stands for 2 hosts \(10.0.0.2, 10.0.0.3\): name one of them$"):
        fill_in("--to={all}", ADDRESSES)
