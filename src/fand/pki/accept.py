"""``fand pki accept``: a host takes the bundle that makes it known to others. It needs nothing but Python."""

import os
import tempfile
from pathlib import Path
from typing import Final, TextIO

from fand.exceptions import ConfigError
from fand.output import say
from fand.pki import FOLDER
from fand.pki.allow import NAME as ALLOW
from fand.pki.bundle import Bundle, parse
from fand.pki.folder import Folder
from fand.tls import AUTHORITY, CERTIFICATE, KEY, folders, in_folder
from fand.tls.contexts import ends

_LONGEST: Final = 1 << 20

AUTHORITY_KEY: Final = "authority.key"


def accept(source: TextIO | None, folder: Path | None, group: str | None) -> None:
    """Put the bundle that comes from ``source``, None if that is closed, into ``folder``, and say so.

    Nothing is changed unless it is whole and of use.

    :raises ConfigError: it is not, or cannot be put there
    """
    bundle = parse(_text(source))
    until = _tried(bundle)
    place = Folder(folder or Path(FOLDER if bundle.server else folders(os.environ)[0]))
    if place.has(AUTHORITY_KEY):
        raise ConfigError([f"{place.path} is that of an authority; give another --folder"])
    place.make(group)
    texts = {AUTHORITY: bundle.authority, KEY: bundle.key, CERTIFICATE: bundle.certificate}
    if bundle.allow is not None:
        texts[ALLOW] = bundle.allow
    for name, text in texts.items():
        place.write(name, text, shared=True)
    what = "server" if bundle.server else "client"
    say(f"{what} {bundle.name}, until {until}: in {place.path}\n")


def _text(source: TextIO | None) -> str:
    if source is None or source.isatty():
        raise ConfigError(["the bundle comes through a pipe: fand pki client ... | ssh HOST sudo fand pki accept"])
    try:
        text = source.read(_LONGEST)
        text.encode()  # bytes that are no text may have come through
    except (OSError, UnicodeError) as error:
        raise ConfigError([f"the standard input cannot be read: {error}"]) from None
    return text


def _tried(bundle: Bundle) -> str:
    """:raises ConfigError: its parts do not fit"""
    with tempfile.TemporaryDirectory(prefix="fand-") as folder:
        files = in_folder(folder)
        for path, text in zip(files, (bundle.certificate, bundle.key, bundle.authority), strict=True):
            Path(path).write_text(text)  # nobody else gets into the folder
        try:
            until = ends(files, server=bundle.server).certificate
        except ConfigError as error:
            raise ConfigError([f"the bundle of {bundle.name} is of no use: {error}"]) from None
    return _date(until)


def _date(until: float) -> str:
    import time  # noqa: PLC0415

    return time.strftime("%Y-%m-%d", time.gmtime(until))
