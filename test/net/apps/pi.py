# SPDX-License-Identifier: BSD-3-Clause
"""pi.py - pi by the midpoint rule over all ranks, and a few objects sent around (mpi4py)"""
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
steps = 100000
part = sum(4.0 / (1.0 + ((i + 0.5) / steps) ** 2) for i in range(rank, steps, size)) / steps
pi = comm.allreduce(part)
names = comm.gather({"rank": rank, "host": MPI.Get_processor_name()})
if rank == 0:
    assert [entry["rank"] for entry in names] == list(range(size)), names
    print(f"pi is {pi:.6f} on {size} ranks and {len(set(e['host'] for e in names))} hosts")
