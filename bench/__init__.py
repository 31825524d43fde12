"""``make bench``: fand beside the real fand 0.1.1 and bare references, in turn within one run; medians and ratios.

Nothing here is a verdict: machines differ, and a busy one is slow. Ratios within one run are what counts. Each file
that has goals is a part, which measures them; :mod:`bench.run` runs parts, :mod:`bench.report` writes
docs/performance.md from what they kept in bench/results.
"""
