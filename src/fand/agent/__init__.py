"""The sensor agent: reads the sensors of its host and reports them to servers, on other hosts or with other rights.

The sensors are asked in an event loop, as the server asks its own; each server has a thread that tells it what is
news. Nothing listens.
"""

from fand.agent.cli import main

__all__ = ["main"]
