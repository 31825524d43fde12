from fand.dispatch import Peer
from fand.units import Seconds


def test_an_old_client_may_be_silent_for_two_of_its_minutes() -> None:
    peer = Peer("192.0.2.1:4000", Seconds(100))
    assert not peer.silent(Seconds(250))
    assert peer.silent(Seconds(251))


def test_s7_a_client_that_knows_the_extensions_is_silent_after_two_leases() -> None:
    peer = Peer("192.0.2.1:4000", Seconds(100))
    peer.speaks_extensions()
    assert not peer.silent(Seconds(140))
    assert peer.silent(Seconds(141))


def test_two_connections_from_one_address_are_two_peers() -> None:
    assert Peer("192.0.2.1:4000", Seconds(0)) != Peer("192.0.2.1:4000", Seconds(0))
