from fand.control import FamilyLaw, Linear, ShelfLaw
from fand.units import FULL, Percent
from tests.control.shelves import points

HDD = FamilyLaw("drives", Linear(points((30, 20))))
SSD = FamilyLaw("flash", Linear(points((40, 20))))
NVME = FamilyLaw("fast", Linear(points((50, 20))))


def test_a_family_has_the_law_that_it_is_given() -> None:
    law = ShelfLaw({"hdd": HDD, "ssd": SSD})
    assert law.of("hdd") is HDD
    assert law.of("ssd") is SSD


def test_an_nvme_drive_follows_the_curve_of_ssds_unless_it_has_its_own() -> None:
    assert ShelfLaw({"ssd": SSD}).of("nvme") is SSD
    assert ShelfLaw({"ssd": SSD, "nvme": NVME}).of("nvme") is NVME
    assert ShelfLaw({"hdd": HDD}).of("nvme") is None


def test_a_family_without_a_curve_has_no_law() -> None:
    law = ShelfLaw({"hdd": HDD, "nvme": NVME})
    assert law.of("ssd") is None
    assert law.of("air") is None
    assert law.of(None) is None


def test_the_defaults_are_safe() -> None:
    law = ShelfLaw({})
    assert law.on_lost == FULL
    assert law.floor == Percent(20.0)
