"""Whole installations of fand in one process, on a simulated clock, driven by a seed.

What runs is the real code: server, fan client, codec. Simulated is what lies outside it: time, network, disks,
sensors, fans, drives that warm and cool, service managers and operators.

``engine``      one heap of events; processes that can be killed, hung and resumed
``loop``        the asyncio loop of one simulated process
``network``     connections that delay, split, corrupt, stall and break
``world``       what an installation is made of, drawn from a seed, as values
``plan``        a world and the faults that befall it, as values; saved as JSON
``hardware``    sensors, fans and the plant that they belong to
``servers``     the process of the real server
``clients``     the process of the real fan client
``manager``     the service manager, which watches processes and starts them again
``oracle``      what the law demands, reckoned independently
``invariants``  what must always hold
``recovery``    coming to rest again
``critical``    the shadow of a critical shelf
``alarms``      what must be an alarm
``isolation``   two runs, of which one shelf must not tell the difference
``redundancy``  what a second sensor is worth
``run``         one plan, from the beginning to the end
``shrink``      the smallest plan that still fails
``driven``      what processes must do by themselves
``mutations``   deliberate bugs, each of which must be caught; ``bugs`` are these
``cli``         the command line
"""
