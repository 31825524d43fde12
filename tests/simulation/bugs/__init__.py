"""The deliberate bugs, by name."""

from collections.abc import Mapping
from typing import Final

from tests.simulation.bugs.client import CLIENT
from tests.simulation.bugs.elsewhere import ELSEWHERE
from tests.simulation.bugs.server import SERVER
from tests.simulation.mutations import Mutation

MUTATIONS: Final[Mapping[str, Mutation]] = {mutation.name: mutation for mutation in (*SERVER, *CLIENT, *ELSEWHERE)}
