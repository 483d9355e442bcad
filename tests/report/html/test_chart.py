"""A chart as SVG: scales, axes, lines, dots and the legend."""

from xml.etree import ElementTree

import pytest

from badwire.report.html.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale, Series, svg
from tests.quick import no_leftovers as no_leftovers

SVG = "{http://www.w3.org/2000/svg}"
RISING = Series("window", "--data", [(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)])
DOTS = Series("sent", "--holds", [(0.0, 10.0), (10.0, 20.0)], dots=True)


def drawn(*series: Series) -> ElementTree.Element:
    return ElementTree.fromstring(svg(series))


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.findall(f"{SVG}text")]


def places(line: ElementTree.Element) -> list[tuple[float, float]]:
    found = []
    for point in line.attrib["points"].split():
        x, y = point.split(",")
        found.append((float(x), float(y)))
    return found


def test_a_scale_is_linear() -> None:
    scale = Scale(10, 20, 100, 200)
    assert scale.at(10) == 100
    assert scale.at(15) == 150
    assert scale.at(20) == 200


def test_a_scale_may_run_upwards() -> None:
    scale = Scale(0, 100, 300, 0)
    assert scale.at(0) == 300
    assert scale.at(100) == 0


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 6, [0, 1, 2, 3, 4, 5, 6]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0.2, 1.3, [0.2, 0.4, 0.6, 0.8, 1.0, 1.2]),
        (0, 0.003, [0, 0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003]),
        (7, 61, [10, 20, 30, 40, 50, 60]),
        (0, 250_000, [0, 50_000, 100_000, 150_000, 200_000, 250_000]),
    ],
)
def test_ticks_are_round_values(low: float, high: float, ticks: list[float]) -> None:
    assert list(Scale(low, high, 0, 1).ticks()) == pytest.approx(ticks)


def test_a_line_fills_the_chart() -> None:
    (line,) = drawn(RISING).findall(f"{SVG}polyline")
    assert places(line) == [
        (LEFT, HEIGHT - BOTTOM),
        ((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2),
        (WIDTH - RIGHT, TOP),
    ]


def test_dots_have_nothing_between_them() -> None:
    root = drawn(DOTS)
    assert root.findall(f"{SVG}polyline") == []
    (group,) = root.findall(f"{SVG}g")
    dots = group.findall(f"{SVG}circle")
    assert [float(dot.attrib["cx"]) for dot in dots] == [LEFT, WIDTH - RIGHT]


def test_all_series_share_the_axes() -> None:
    """The dots reach to a fifth of the height."""
    root = drawn(RISING, DOTS)
    last = root.findall(f"{SVG}g/{SVG}circle")[-1]
    share = (HEIGHT - BOTTOM - float(last.attrib["cy"])) / (HEIGHT - BOTTOM - TOP)
    assert share == pytest.approx(0.2, abs=0.001)


def test_the_axes_have_their_numbers_and_the_unit_of_time() -> None:
    found = texts(drawn(RISING))
    assert found == ["0", "20", "40", "60", "80", "100", "0", "2", "4", "6", "8", "10", "seconds", "window"]


def test_large_numbers_are_in_groups_of_three_digits() -> None:
    assert "1 500 000" in texts(drawn(Series("window", "--data", [(0.0, 0.0), (1.0, 1_500_000.0)])))


def test_small_numbers_have_their_decimals() -> None:
    assert "0.02" in texts(drawn(Series("window", "--data", [(0.0, 0.0), (1.0, 0.04)])))


def test_the_legend_has_each_series_with_its_colour() -> None:
    root = drawn(RISING, DOTS)
    keys = root.findall(f"{SVG}rect")
    assert [key.attrib["style"] for key in keys] == ["--series: var(--data)", "--series: var(--holds)"]
    assert texts(root)[-2:] == ["window", "sent"]
    first, second = keys
    assert float(first.attrib["x"]) < float(second.attrib["x"])


def test_a_series_is_drawn_in_the_colour_of_its_key_and_has_its_name() -> None:
    root = drawn(RISING, DOTS)
    for drawing, key in zip([*root.findall(f"{SVG}polyline"), *root.findall(f"{SVG}g")], root.findall(f"{SVG}rect"),
                            strict=True):  # fmt: skip
        assert drawing.attrib["style"] == key.attrib["style"]
    assert root.findtext(f"{SVG}polyline/{SVG}title") == "window"
    assert root.findtext(f"{SVG}g/{SVG}title") == "sent"


def test_a_series_without_points_is_not_in_the_legend() -> None:
    root = drawn(RISING, Series("RTO", "--fin", []))
    assert "RTO" not in texts(root)
    assert len(root.findall(f"{SVG}rect")) == 1


def test_a_name_is_text_and_never_markup() -> None:
    name = 'a <b> & "c"'
    root = drawn(Series(name, "--data", [(0.0, 1.0), (1.0, 2.0)]))
    assert texts(root)[-1] == name
    assert root.findtext(f"{SVG}polyline/{SVG}title") == name


@pytest.mark.parametrize("points", [[(3.0, 7.0)], [(3.0, 0.0), (3.0, 0.0)]], ids=["one", "all zero at one time"])
def test_points_without_any_extent_can_be_drawn(points: list[tuple[float, float]]) -> None:
    (line,) = drawn(Series("window", "--data", points)).findall(f"{SVG}polyline")
    assert places(line)[0][0] == LEFT


def test_the_chart_scales_and_is_named_as_an_image() -> None:
    root = drawn(RISING)
    assert root.attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"
    assert root.attrib["role"] == "img"
