"""A simulated shelf: drives that heat by workload and cool by the air that fans move past them.

The equations stand in :mod:`fand.sim.plant`.
"""

from fand.sim.plant import HDD, Drive, Fan, FanFault, Inputs, Shelf, State, airflow, equilibrium, exhaust, step

__all__ = [
    "HDD",
    "Drive",
    "Fan",
    "FanFault",
    "Inputs",
    "Shelf",
    "State",
    "airflow",
    "equilibrium",
    "exhaust",
    "step",
]
