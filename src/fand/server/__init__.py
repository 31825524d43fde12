"""The server: reads the sensors, decides each shelf's duty, answers over TCP. One process, one event loop.

``sensors``     opens and closes the drivers
``readers``     calls drivers in threads of their own, so that one that hangs holds up nothing (S9)
``watching``    one task a device: its schedule, its time-out
``keeper``      keeps decisions fresh, logs faults, pushes duties to subscribers, feeds the watchdog, notices suspends
``slices``      does long work a little at a time, so that nobody waits for it
``state``       what outlives the server, as values
``saving``      has that on disk, and never waits for the disk
``alarming``    tells a command of alarms
``connection``  one client: frames in, frames out, limits
``listening``   addresses and sockets
``service``     shelves, watchers and connections together, on any event loop
``daemon``      puts these together, from start to stop
``check``       ``--check``: the same readings and decisions, once, for people
``cli``         the command line
"""

from fand.server.cli import main

__all__ = ["main"]
