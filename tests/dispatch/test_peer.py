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


def test_a_client_that_connects_anew_comes_from_the_same_host_and_later() -> None:
    before = Peer("192.0.2.1:4000", Seconds(100))
    before.at = Seconds(110)
    assert Peer("192.0.2.1:4001", Seconds(110)).follows(before)
    assert not Peer("192.0.2.1:4001", Seconds(109)).follows(before)
    assert not Peer("192.0.2.2:4000", Seconds(110)).follows(before)
    assert Peer("[2001:db8::1]:5", Seconds(110)).follows(Peer("[2001:db8::1]:4", Seconds(100)))
