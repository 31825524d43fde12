"""Server, agent and fan client on hosts of their own: links fail, strangers come, and the fan does what it must."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fand.tls import Files
from tests.certificates import Pki
from tests.netns import hosts
from tests.netns.site import COOL, FAILSAFE, FULL, HOT, WARM, Site, site_in, variables

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if why := hosts.why_not():
        pytest.skip(why)
    with site_in(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """The site with its fan on the curve, to be left so."""
    shared.until_duty(COOL)
    yield shared
    assert "Traceback" not in shared.logs()


def test_a_temperature_on_one_host_drives_the_fan_on_another(site: Site) -> None:
    site.heat(40)
    site.until_duty(WARM)
    site.heat(45)
    site.until_duty(HOT)
    site.heat(35)
    site.until_duty(COOL)


def test_s2_the_link_to_the_agent_is_cut(site: Site) -> None:
    site.to_nas.cut()
    site.until_duty(FULL)
    status = site.status()
    assert status["devices"][0]["health"] == "lost"
    assert "agent nas has been silent" in status["reason"]
    site.to_nas.mend()
    site.until_duty(COOL)
    assert site.health()[0] == "good"


def test_the_link_to_the_fan_client_is_cut(site: Site) -> None:
    site.to_pi.cut()
    site.until_duty(FAILSAFE)
    assert float(site.status()["duty"]) == COOL  # the server knows no reason for more
    site.to_pi.mend()
    site.until_duty(COOL)


def test_all_links_are_cut_while_the_drive_grows_hot(site: Site) -> None:
    site.to_nas.cut()
    site.to_pi.cut()
    site.heat(45)
    site.until_duty(FAILSAFE)
    site.to_pi.mend()
    site.until_duty(FULL)  # that of a lost device: nobody knows how hot it is
    site.to_nas.mend()
    site.until_duty(HOT)
    site.heat(35)
    site.until_duty(COOL)


def test_slow_links_are_served(site: Site) -> None:
    if why := hosts.why_no_delay():
        pytest.skip(why)
    delay = 0.15
    files = site.pki.client("pi")
    with site.to_nas.delayed(delay), site.to_pi.delayed(delay):
        site.until(lambda: _answered(site, files), "an answer over the slow link")
        before = time.monotonic()
        assert _answered(site, files)
        assert (
            time.monotonic() - before > 6 * delay
        )  # for each of the connection, TLS, and the question there and back
        site.heat(45)
        site.until_duty(HOT)
        site.heat(35)
        site.until_duty(COOL)
        assert site.health()[0] == "good"
    site.heat(40)
    site.until_duty(WARM)
    site.heat(35)
    site.until_duty(COOL)


def _answered(site: Site, files: Files) -> bool:
    server = site.to_pi.addresses[0]
    return site.pi.fand("fanctl", "-a", server, "ping", **variables(files)).stdout == "ok\n"


def test_nobody_but_the_server_listens(site: Site) -> None:
    assert len(site.server.listens()) == 1
    assert site.nas.listens() == site.pi.listens() == []


def test_the_clocks_of_hosts_differ(site: Site) -> None:
    if why := hosts.why_no_clocks():
        pytest.skip(why)
    apart = [round(host.seconds_ahead(), -5) for host in (site.nas, site.server, site.pi)]
    assert apart == [1e6, 0, 1e8]
    status = site.status()
    assert 0 <= status["devices"][0]["age"] < 30
    assert status["client"]["state"] == "live"


def test_who_speaks_no_tls_is_told_so(site: Site) -> None:
    if Path("/etc/fand/tls").exists():
        pytest.skip("this host has a certificate of its own")
    refused = site.pi.fand("fanctl", "-a", site.to_pi.addresses[0], "get-pwm", "rack")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "this server speaks TLS" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("trusting", [False, True], ids=["which trusts its own only", "which trusts this one"])
def test_who_is_of_another_authority_is_refused(
    site: Site, tmp_path_factory: pytest.TempPathFactory, trusting: bool
) -> None:
    foreign = Pki(tmp_path_factory.mktemp("elsewhere"))
    stranger = foreign.client("nas", "--role", "control")
    if trusting:
        stranger = stranger._replace(authority=site.pki.client("nas").authority)
    command = "fanctl", "-a", site.to_nas.addresses[0], "set-pwm-override", "rack", "0"
    refused = site.nas.fand(*command, **variables(stranger))
    assert (refused.returncode, refused.stdout) == (1, "")
    mine, its = "the certificate of this host is not from its authority", "its certificate is not good"
    assert (mine if trusting else its) in refused.stderr
    assert site.status()["override"] is None
    site.until(lambda: "refused: no TLS" in _refusals(site, site.to_nas.addresses[1]), "a word in the log")


def test_who_may_report_of_another_shelf_is_refused(site: Site) -> None:
    folder = site.enrolled("nas2", "--role", "report", "--shelf", "other")
    agent = site.run_agent("nas2", folder, "sdb")
    client = site.run_client("nas2-fan", folder, site.nas, site.to_nas)
    site.until(lambda: "takes no report of agent nas2 on sdb" in agent.text, "the agent is refused")
    site.until(lambda: "rack" in _refusals(site, "(nas2)"), "the fan client is refused")
    assert site.health() == ["good", "absent"]
    assert site.duty("nas2-fan") == FULL
    for program in (agent, client):
        assert program.end() == 0
    assert [fan["name"] for fan in site.status()["fans"]] == ["front"]
    assert site.duty() == COOL


def test_only_who_may_control_does(site: Site) -> None:
    operator = site.enrolled("anna", "--role", "control", "--shelf", "rack")
    command = "fanctl", "-a", site.to_pi.addresses[0], "set-pwm-override"
    refused = site.pi.fand(*command, "rack", "80", **variables(site.pki.client("pi")))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "SET_PWM_OVERRIDE needs the role control" in refused.stderr
    assert "SET_PWM_OVERRIDE" in _refusals(site, "(pi)")
    anna = variables(site.pki.client(operator.name))
    assert site.pi.fand(*command, "other", "80", **anna).returncode == 1
    assert site.pi.fand(*command, "rack", "80", **anna).stdout == "ok\n"
    site.until_duty(80)
    assert "(anna): SET_PWM_OVERRIDE rack: 80 % until" in site.log("server")
    assert site.pi.fand(*command, "rack", "none", **anna).stdout == "ok\n"
    site.until_duty(COOL)


def _refusals(site: Site, who: str) -> str:
    lines = site.log("server").splitlines()
    return "\n".join(line for line in lines if "fand.audit" in line and "refused" in line and who in line)
