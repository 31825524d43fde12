import pytest

from .hand_made import faults, read

SHELF = """
[curves.a]
points = [[30, 20], [50, 100]]
[shelves.s]
curves = { hdd = "a" }
devices = [{ drive = "S1" }]
"""
CLIENT = """
[client]
shelf = "s"
[[client.fans]]
name = "front"
pwm = "chip"
"""


def test_a_file_may_be_for_the_server_the_fan_client_or_both() -> None:
    server, client, both = read(SHELF), read(CLIENT), read(SHELF + CLIENT)
    assert (server.server is None, server.client is None) == (False, True)
    assert (client.server is None, client.client is None) == (True, False)
    assert (both.server, both.client) == (server.server, client.client)


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_s11_a_file_that_describes_nothing_is_refused(text: str) -> None:
    assert faults(text) == ["f: describes nothing; give a shelf in [shelves.NAME], a [client] or an [agent]"]


def test_s11_an_unknown_table_is_refused() -> None:
    assert faults("shelfs = 1" + SHELF) == ["f: unknown key 'shelfs'; did you mean 'shelves'?"]
    assert faults("[web]\n" + SHELF) == ["f: unknown key 'web'"]
    assert len(faults("[web]")) == 2


@pytest.mark.parametrize("text", ["[server]", "[curves]", '[shelves]\n[server]\naddress = "::1"'])
def test_s11_a_server_without_a_shelf_is_refused(text: str) -> None:
    assert faults(text) == ["f: has no shelf; describe one in [shelves.NAME]"]


@pytest.mark.parametrize("key", ["server", "curves", "shelves", "client"])
def test_s11_what_must_be_a_table_is_one(key: str) -> None:
    assert f"f: {key}: expected a table, not 3" in faults(f"{key} = 3")


def test_s11_the_faults_of_both_parts_are_told_at_once() -> None:
    assert len(faults((SHELF + CLIENT).replace('"S1"', "1").replace('"chip"', "1"))) == 2
