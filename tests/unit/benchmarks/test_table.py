from __future__ import annotations

import pytest

from benchmarks.table import Table, median, percentile, shown


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1.0), (1, 1.0), (10, 1.0), (11, 2.0), (50, 5.0), (99, 10.0), (100, 10.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([float(number) for number in range(10, 0, -1)], percent) == value


def test_the_median_of_two_is_the_smaller_one() -> None:
    assert median([3.0, 1.0]) == 1.0


@pytest.mark.parametrize(
    ("cell", "spelled"), [("verb", "verb"), (7, "7"), (0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234")]
)
def test_a_figure_is_spelled_as_exactly_as_it_can_be_believed(cell: object, spelled: str) -> None:
    assert shown(cell) == spelled


def test_a_table_is_markdown_with_its_columns_in_line() -> None:
    table = Table("Start", ("what", "ms"))
    table.add("first frame", 343.2)

    assert table.markdown().splitlines() == [
        "### Start",
        "",
        "| what        | ms  |",
        "|-------------|-----|",
        "| first frame | 343 |",
    ]
