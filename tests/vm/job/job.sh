#!/bin/sh
# In the guest: install what the host built, then run the checks.
set -e
/opt/venv/bin/pip install --quiet --no-index --no-compile --find-links /mnt/wheels fand
export PATH=/opt/venv/bin:$PATH
exec python /job/checks.py
