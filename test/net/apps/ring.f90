! SPDX-License-Identifier: BSD-3-Clause
! ring.f90 - a number goes round the ranks, each adds its own; and a sum of doubles
program ring
    use mpi
    implicit none
    integer :: rank, nranks, ierr, token, status(MPI_STATUS_SIZE)
    double precision :: part, total

    call MPI_Init(ierr)
    call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
    call MPI_Comm_size(MPI_COMM_WORLD, nranks, ierr)
    token = 0
    if (rank > 0) call MPI_Recv(token, 1, MPI_INTEGER, rank - 1, 7, MPI_COMM_WORLD, status, ierr)
    token = token + rank
    call MPI_Send(token, 1, MPI_INTEGER, mod(rank + 1, nranks), 7, MPI_COMM_WORLD, ierr)
    if (rank == 0) call MPI_Recv(token, 1, MPI_INTEGER, nranks - 1, 7, MPI_COMM_WORLD, status, ierr)
    part = 1.0d0 / nranks
    call MPI_Allreduce(part, total, 1, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD, ierr)
    if (rank == 0) then
        if (token /= nranks * (nranks - 1) / 2 .or. abs(total - 1.0d0) > 1.0d-9) then
            print '(a,i0,a,f8.5)', 'FAULTS: ', token, ' ', total
            call MPI_Abort(MPI_COMM_WORLD, 1, ierr)
        end if
        print '(a,i0,a)', 'Fortran is well: ', nranks, ' ranks'
    end if
    call MPI_Finalize(ierr)
end program ring
