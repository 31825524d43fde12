"""A soak of real fand processes on loopback: hours of trouble in minutes, and a verdict.

``python -m tests.soak --minutes 20 --seed 1``, or ``make soak MINUTES=20 SEED=1``. Two servers and five fan clients
drive the fans of five simulated shelves; all of them talk through proxies that injure their connections, and a
supervisor does to them what systemd would: it restarts them, feeds on their watchdogs, and runs the fan client's
``ExecStopPost=``. Meanwhile a status poller, an override setter and the tool itself watch that no fan is under what
the true temperatures demand for longer than the stated time, and that nothing leaks.

One server and one fan client are spared from kills; only their network and their hardware are disturbed. What they
use of memory, descriptors, threads and tasks over the whole run is the measure of leaks.
"""
