# SPDX-License-Identifier: BSD-3-Clause
"""p2prep-choices.py - mpi4py's programs whose course depends on timing, one part at a time: PART [ROUNDS]

Two lines for each logical rank at the end: "rank", what every legal run gives; "course", a hash over what
came when: other runs have other ones, but the replicas of a rank the same."""
import hashlib
import sys

import numpy
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
workers = range(1, size)
TASK, DONE, STOP = 1, 2, 3
course = hashlib.sha256()
result = {}


def chose(*what):
    course.update(repr(what).encode())


def work(task):
    """Takes longer or shorter, so that workers overtake each other"""
    array = numpy.random.RandomState(task).rand(20 + task * 7919 % 3000)
    for _ in range(task * 31 % 5):
        array = numpy.sin(array)
    return {"task": task, "sum": float(array.sum()), "array": array}


def serve():
    """Workers: until told to stop"""
    status = MPI.Status()
    while True:
        task = comm.recv(source=0, tag=MPI.ANY_TAG, status=status)
        if status.tag == STOP:
            return
        comm.send(work(task), 0, DONE)


def finish(answer):
    result[answer["task"]] = answer["sum"]


def deal(rounds, receive):
    """Master: the next task to whoever is ready; receive() gives (who, answer)"""
    todo = list(range(rounds * (size - 1)))
    for worker in workers:
        comm.send(todo.pop(), worker, TASK)
    busy = len(workers)
    while busy:
        worker, answer = receive()
        chose(worker, answer["task"])
        finish(answer)
        if todo:
            comm.send(todo.pop(), worker, TASK)
        else:
            comm.send(None, worker, STOP)
            busy -= 1


def master(rounds):
    """Objects from any source, with any tag"""
    status = MPI.Status()

    def receive():
        answer = comm.recv(source=MPI.ANY_SOURCE, tag=MPI.ANY_TAG, status=status)
        return status.source, answer

    deal(rounds, receive) if rank == 0 else serve()


def iprobe(rounds):
    """Asks whether something is there; the number of "no" belongs to the course"""
    status = MPI.Status()

    def receive():
        noes = 0
        while not comm.iprobe(MPI.ANY_SOURCE, DONE, status):
            noes += 1
        chose(noes)
        return status.source, comm.recv(source=status.source, tag=DONE)

    deal(rounds, receive) if rank == 0 else serve()


def improbe(rounds):
    """Matched probes: the message is taken out before it is received"""
    status = MPI.Status()

    def receive():
        message = None
        while message is None:
            message = comm.improbe(MPI.ANY_SOURCE, DONE, status)
        return status.source, message.recv()

    deal(rounds, receive) if rank == 0 else serve()


def anysource(rounds):
    """Many receives from any source posted before anybody sends; numpy's arrays, large and small"""
    for number in range(rounds):
        length = 5000 if number % 2 else 7
        if rank == 0:
            arrays = [numpy.empty(length) for _ in workers]
            requests = [comm.Irecv(array, MPI.ANY_SOURCE, DONE) for array in arrays]
            comm.Barrier()
            statuses = [MPI.Status() for _ in workers]
            MPI.Request.Waitall(requests, statuses)
            chose([status.source for status in statuses])
            result[number] = sorted(float(array.sum()) for array in arrays)
        else:
            comm.Barrier()
            comm.Send(numpy.full(length, float(rank + number)), 0, DONE)


def some(rounds, complete):
    """Rank 0 has a receive open from each worker; complete(requests) gives the indices of some that are there"""
    if rank != 0:
        for number in range(rounds):
            comm.Send(numpy.full(100, work(number * size + rank)["sum"]), 0, DONE)
        return
    arrays = [numpy.empty(100) for _ in workers]
    left = [rounds for _ in workers]
    requests = [comm.Irecv(array, worker, DONE) for array, worker in zip(arrays, workers)]
    while any(left):
        for index in complete(requests):
            chose(index)
            left[index] -= 1
            result[index, left[index]] = float(arrays[index].sum())
            if left[index]:
                requests[index] = comm.Irecv(arrays[index], index + 1, DONE)


def testsome(rounds):
    some(rounds, lambda requests: MPI.Request.Testsome(requests) or [])


def waitany(rounds):
    some(rounds, lambda requests: [MPI.Request.Waitany(requests)])


def spin(rounds):
    """Computes until a message is there; the clock is part of the course"""
    for number in range(rounds):
        request = comm.irecv(source=(rank - 1) % size, tag=number)
        out = comm.isend({"number": number, "rank": rank}, (rank + 1) % size, number)
        tests, began = 0, MPI.Wtime()
        done, thing = request.test()
        while not done:
            tests += 1
            done, thing = request.test()
        out.wait()
        chose(tests, MPI.Wtime() - began, thing)
        result[number] = thing


part = {f.__name__: f for f in (master, anysource, testsome, waitany, iprobe, improbe, spin)}[sys.argv[1]]
part(int(sys.argv[2]) if len(sys.argv) > 2 else 30)
digest = hashlib.sha256(repr(sorted(result.items())).encode()).hexdigest()
sys.stdout.write(f"rank {rank} of {size}: {digest}\ncourse {rank} {course.hexdigest()}\n")  # in one piece
