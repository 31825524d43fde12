import os
from pathlib import Path

import pytest

from tests.soak.census import WARM, Census, Life, Sample, sample, slope

SPAN = 400


def census(growth: float = 0.0, measure: str = "rss_kib") -> Census:
    """Of one process whose ``measure`` grew by so much over the whole time."""
    census = Census([])
    life = Life(1, 0.0)
    for at in range(0, SPAN + 1, 5):
        values = {
            "rss_kib": 30_000.0,
            "fds": 10.0,
            "threads": 3.0,
            "tasks": 20.0,
            "objects": 25_000.0,
            "blocks": 99_000.0,
        }
        values[measure] += growth * at / SPAN
        life.samples.append(Sample(at, **values))
    census.lives["server"] = [life]
    return census


def faults(census: Census) -> list[str]:
    return census.growth("server", (0, 100), (SPAN - 100, SPAN))


def test_what_stays_as_it_is_is_no_growth() -> None:
    assert faults(census()) == []


@pytest.mark.parametrize(
    ("measure", "growth"),
    [("rss_kib", 4000), ("fds", 5), ("threads", 5), ("tasks", 3), ("objects", 1500), ("blocks", 4000)],
)
def test_growth_of_anything_is_told(measure: str, growth: float) -> None:
    assert f"{measure} grew" in faults(census(growth, measure))[0]


def test_who_was_to_be_spared_and_died_is_told() -> None:
    dead = census()
    dead.lives["server"].append(Life(2, 100.0))
    assert faults(dead) == ["server was not spared: it had 2 lives"]


def test_calm_without_samples_is_told() -> None:
    assert len(census().growth("server", (0, WARM - 1), (SPAN - 100, SPAN))) == 6


def test_all_samples_are_written(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    census().write(path)
    lines = path.read_text().splitlines()
    assert lines[0] == "process,pid,at,rss_kib,fds,threads,tasks,objects,blocks"
    assert lines[2] == "server,1,5.0,30000,10,3,20,25000,99000"
    assert len(lines) == SPAN // 5 + 2


def test_the_slope_is_that_of_a_straight_line() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 1)]) == slope([(0, 1), (0, 2)]) == 0


def test_a_process_is_looked_at(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.write_text(f"{os.getpid()} 4 1000 9000\n")
    got = sample(os.getpid(), counts, 7.0)
    assert (got.at, got.tasks, got.objects, got.blocks) == (7, 4, 1000, 9000)
    assert got.rss_kib > 5000
    assert got.fds > 2
    assert got.threads >= 1
    counts.write_text("1 4 1000 9000\n")  # of a life before this one
    assert sample(os.getpid(), counts, 7.0).tasks is None


def test_the_table_has_a_line_for_each_measure() -> None:
    lines = census(3600 * 400 / 3600, "fds").table()
    assert len(lines) == 7
    assert lines[2].split()[0] == "fds"
    assert lines[2].split()[-1] == "+3600.0"
