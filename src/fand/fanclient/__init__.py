"""The fan host: it asks servers what their shelf needs and drives the fans, safely without them.

Theory of operation. Pure machines decide; time is always an argument, monotonic. About the fans:

- :mod:`~fand.fanclient.lease`, one for each server: what its shelf needs now, and how long that can be relied on;
- :mod:`~fand.fanclient.output`, one for each fan: what to ask of the hardware for that need (floor, stop, kick),
  and what has become of it (read back, taken by somebody else, failed);
- :mod:`~fand.fanclient.rotation`, a part of that: whether the fan turns as it must (rule S6);
- :mod:`~fand.fanclient.machine`, the whole host: the greatest of the leases' demands (rule C3) goes to every fan.

About the network, one of each for each server:

- :mod:`~fand.fanclient.conversation`: what is said over one connection, what is heard, and how old that may be;
- :mod:`~fand.fanclient.redial`: when to connect again, and how to begin.

Three kinds of thread carry it out. A :mod:`~fand.fanclient.link` for each server owns that server's socket and may
block on it. The main thread runs the :mod:`~fand.fanclient.loop`: it waits for a link's word or for the machine's
next deadline, whichever comes first, and never for the network. What is to be done at the hardware it gives to a
:mod:`~fand.fanclient.crew`, a thread for each fan, and waits for them, but not for ever: a driver that hangs is a
fault of its fan alone.

Which fans are driven is kept on disk (:mod:`~fand.fanclient.held`), for the command that makes them safe when all
this is gone (:mod:`~fand.fanclient.failsafe`, rule C2).
"""
