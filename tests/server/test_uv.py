import asyncio
import time

import pytest

pytest.importorskip("uvloop")

from fand.server.uv import UvLoop


def test_the_time_does_not_stand_still_in_a_turn() -> None:
    async def main() -> None:
        before = time.monotonic()
        while time.monotonic() < before + 0.002:
            pass
        assert before + 0.002 <= asyncio.get_running_loop().time() <= time.monotonic()

    with asyncio.Runner(loop_factory=UvLoop) as runner:
        runner.run(main())
