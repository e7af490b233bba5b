#!/usr/bin/env bash
# JAX 0.10.2: in a Slurm job step `jax.distributed.initialize` shows each process one GPU, that of its number on its machine,
# also if coordinator, number and place of the processes are given.
#
# Behaviour: if `local_device_ids` is not given, JAX looks for a cluster, and takes the local number of the Slurm task for
# the only device of the process. The documentation says that all local devices are visible by default. A job with one task
# on each machine of eight GPUs so trains on one of the eight, and reports no error.
#
# Why it matters: start one task for each GPU, or set JAX_LOCAL_DEVICE_IDS=0,1,2,3,4,5,6,7.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   outside of Slurm: visible GPUs all
#   in task 0 of a Slurm job step: visible GPUs 0
#   with JAX_LOCAL_DEVICE_IDS=0,1,2,3: visible GPUs 0,1,2,3
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q jax==0.10.2
cat > "$room/visible.py" <<'PY'
import socket
import sys

import jax
from jax._src.config import config

with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
jax.distributed.initialize(f"localhost:{port}", num_processes=1, process_id=0)
visible = config.values["jax_cuda_visible_devices"]
print(f"{sys.argv[1]}: visible GPUs {visible}")
raise SystemExit(visible != sys.argv[2])
PY
run() { (cd "$room" && env -u JAX_LOCAL_DEVICE_IDS "$@"); }
slurm=(SLURM_JOB_ID=1 SLURM_STEP_NODELIST=localhost SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_STEP_NUM_NODES=1)
run JAX_PLATFORMS=cpu venv/bin/python visible.py "outside of Slurm" all
run JAX_PLATFORMS=cpu "${slurm[@]}" venv/bin/python visible.py "in task 0 of a Slurm job step" 0
run JAX_PLATFORMS=cpu "${slurm[@]}" JAX_LOCAL_DEVICE_IDS=0,1,2,3 venv/bin/python visible.py "with JAX_LOCAL_DEVICE_IDS=0,1,2,3" 0,1,2,3
