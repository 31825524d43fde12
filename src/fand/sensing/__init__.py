"""Sensors of this host, asked on their schedules: what the server and the sensor agent do alike.

:mod:`~fand.sensing.sensors` opens and closes them, :mod:`~fand.sensing.watching` asks them, each in a thread of
:mod:`~fand.sensing.readers` so that one that hangs holds up nothing else. :mod:`~fand.sensing.reloading` reads a
changed configuration, and has it count only if nothing is wrong with it.
"""
