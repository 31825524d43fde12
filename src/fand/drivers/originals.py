"""What hardware was set to before fand took it over: kept on disk until it has been given back.

A fan client that is killed cannot give anything back. The next one finds the file and knows what the hardware was
set to before all this, instead of taking "manual", which the killed one had set, for the hardware's own.
"""

import re
from pathlib import Path
from typing import TypeVar

import msgspec

from fand.stored import Stored

T = TypeVar("T", bound=msgspec.Struct)


class Original(Stored[T]):
    """The file for one piece of hardware.

    ``key`` names the hardware, the same from boot to boot. A folder that cannot be read or written never keeps a
    fan from being driven: it is logged, and the original is known only as long as this process lives.
    """

    def __init__(self, folder: Path, key: str, kind: type[T]) -> None:
        name = re.sub(r"[^A-Za-z0-9._:-]+", "_", key)[-200:] + ".json"
        super().__init__(
            folder / name,
            kind,
            what="how the hardware was found",
            loss="after a crash it will be left at full speed instead; give the fan client a state folder that it "
            "can write",
        )
