# SPDX-License-Identifier: BSD-3-Clause
"""p2prep-mpi4py.py - what mpi4py's users do, one part at a time: PART [ROUNDS]

One line for each logical rank at the end: a hash over all that it received."""
import hashlib
import sys

import numpy
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
left, right = (rank - 1) % size, (rank + 1) % size
seen = hashlib.sha256()


def got(thing):
    seen.update(thing.tobytes() if isinstance(thing, numpy.ndarray) else repr(thing).encode())
    return thing


def numbers(length, seed):
    return numpy.random.RandomState(seed).rand(length)


def pickles(number):
    """Collectives over any Python object"""
    root = number % size
    thing = {"round": number, "array": numbers(number * 37 % 5000, number).tolist()}
    got(comm.bcast(thing if rank == root else None, root))
    got(comm.scatter([("for", i, "x" * (number * i)) for i in range(size)] if rank == root else None, root))
    got(comm.gather({"rank": rank, "words": ["w"] * (rank + number)}, root))
    got(comm.allgather((rank, number)))
    got(comm.allreduce([rank, number]))
    got(comm.alltoall([f"{rank} to {i} in {number}" for i in range(size)]))


def ring(number):
    """Objects passed on and round, each with a little more in it; small and large"""
    token = [number]
    for _ in range(size):
        token = comm.sendrecv(token + [rank], right, 1, None, left, 1)
    got(token)
    if rank == 0:
        comm.send(numbers(1 + number * 997 % 40000, number), right, 2)
        got(comm.recv(None, left, 2))
    else:
        comm.send(got(comm.recv(None, left, 2)) + rank, right, 2)
    request = comm.isend(("later", rank, number), right, 3)
    got(comm.recv(None, left, 3))
    request.wait()


def arrays(number):
    """Collectives over numpy's arrays, without pickling"""
    length = 1 + number * 331 % 9000
    data = numbers(length, rank * 1000 + number)
    total, every = numpy.empty(length), numpy.empty((size, length))
    comm.Allreduce(data, total)
    comm.Allgather(data, every)
    comm.Bcast(data, number % size)
    part = numpy.empty(length)
    comm.Scatter(every + rank, part, number % size)
    comm.Reduce(part, total if rank == 0 else None, MPI.MAX, 0)
    for thing in (total, every, data, part):
        got(thing)


def alltoallv(number):
    """Pieces of all lengths, none among them, to everybody"""
    out = [(rank + 2 * to + number) % 5 * 700 for to in range(size)]
    into = [(of + 2 * rank + number) % 5 * 700 for of in range(size)]
    received = numpy.empty(sum(into))
    comm.Alltoallv([numbers(sum(out), rank * 1000 + number), out], [received, into])
    got(received)


def persistent(number, requests={}):
    """The same requests, started in each round, on either side of the eager limit"""
    if not requests:
        requests["out"] = [numpy.empty(n) for n in (10, 3000)]
        requests["in"] = [numpy.empty(n) for n in (10, 3000)]
        requests["all"] = [comm.Recv_init(a, left, 4 + i) for i, a in enumerate(requests["in"])]
        requests["all"] += [comm.Send_init(a, right, 4 + i) for i, a in enumerate(requests["out"])]
    for array in requests["out"]:
        array[:] = numbers(len(array), rank * 1000 + number)
    MPI.Prequest.Startall(requests["all"])
    MPI.Request.Waitall(requests["all"])
    for array in requests["in"]:
        got(array)


part = {f.__name__: f for f in (pickles, ring, arrays, alltoallv, persistent)}[sys.argv[1]]
for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 30):
    part(i)
sys.stdout.write(f"rank {rank} of {size}: {seen.hexdigest()}\n")  # in one piece, print() makes two
