from datetime import date
from pathlib import Path

from tests.fuzz.figures import Figures, append, read

OUTPUT = """\
INFO: Instrumenting fand.wire.decode
#2	INITED cov: 9 ft: 9 corp: 1/1b exec/s: 0 rss: 43Mb
#91	NEW    cov: 12 ft: 12 corp: 2/2b lim: 4 exec/s: 0 rss: 43Mb L: 1/1 MS: 4 CopyPart-EraseBytes-
#1048576	pulse  cov: 15 ft: 15 corp: 3/10b lim: 4096 exec/s: 349525 rss: 43Mb
""".splitlines(keepends=True)
END = ["#3056747\tDONE   cov: 16 ft: 15 corp: 3/10b\n", "stat::number_of_executed_units: 3056747\n"]


def test_a_run_to_its_end() -> None:
    assert read(OUTPUT + END) == Figures(3_056_747, 16)


def test_a_run_that_was_interrupted() -> None:
    assert read(OUTPUT) == Figures(1_048_576, 15)
    assert read([*OUTPUT, END[1]]) == Figures(3_056_747, 15)


def test_nothing_at_all() -> None:
    assert read([]) == Figures()


def test_rows_are_added(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    append(table, date(2030, 1, 2), "frames", 59.7, Figures(10, 2))
    append(table, date(2030, 1, 3), "dispatch", 60, Figures(20, 3, 1))
    assert table.read_text() == (
        "date,target,seconds,executions,edges,crashes\n2030-01-02,frames,60,10,2,0\n2030-01-03,dispatch,60,20,3,1\n"
    )
