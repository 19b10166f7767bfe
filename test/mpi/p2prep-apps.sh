#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# p2prep-apps.sh - LAMMPS, GROMACS and Quantum ESPRESSO as Debian packs them, and mpi4py's masters and workers, small: with p2prep they
# give what they give with ob1, with two replicas, too, and when a process is killed in the middle of its calls of MPI
. "${P2PMPI_SRCDIR:-.}/test/mpi/p2prep-sets.sh"
export OMP_NUM_THREADS=1
victims="0 2 3" # a master and its follower, a leader that is none
made=$scratch/made
mkdir "$made"

# alike FILE: every set whose process 0 is left wrote the same, bit by bit; it is in $run/alike
alike() {
    rm -f "$run/alike"
    for alike_set in "$run"/[0-9]*; do
        [ "${killed-}" = $((${alike_set##*/} * ranks)) ] && continue
        [ -e "$run/alike" ] || cp "$alike_set/$1" "$run/alike" || return 1
        cmp "$run/alike" "$alike_set/$1" || return 1
    done
}

# ---------------------------------------------------------------- LAMMPS

# melt FILE BALANCE...: 864 atoms for 100 steps, moved from rank to rank by that rule
melt() {
    melt_file=$1
    shift
    {
        cat <<'END'
units lj
atom_style atomic
lattice fcc 0.8442
region box block 0 6 0 6 0 6
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 3.0 87287 loop geom
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0 2.5
neighbor 0.3 bin
neigh_modify every 5 delay 0 check yes
fix 1 all nve
thermo 10
END
        printf '%s\n' "$@"
        printf '%s\n' "run 100" "write_data last.data nocoeff"
    } >"$melt_file"
}

result_of_atoms() { cat "$1/last.data"; }
# The atoms that a rank gets come from any source, and stay in the order in which they came; forces are added up in
# that order. So two runs differ in the last bits, with ob1, too, but replicas of one run must not.
result_of_energies() {
    case $1 in
    "$run"/*) alike last.data || return 1 ;;
    esac
    awk '$1 == 100 && NF == 7 {printf "%.6f %.6f %.6f\n", $2, $3, $5}' "$1/log.lammps"
}

if command -v lmp >/dev/null; then
    melt "$made/in.melt" "fix 2 all balance 20 1.0 shift xyz 5 1.0"
    melt "$made/in.rcb" "comm_style tiled" "fix 2 all balance 10 1.0 rcb"
    input=$made/in.melt
    both "LAMMPS" atoms 3 -- lmp -in in.melt
    input=$made/in.rcb
    both "LAMMPS, its atoms from any source," energies 3 -- lmp -in in.rcb
    input=
else
    skip "LAMMPS" "lammps is missing"
fi

# ---------------------------------------------------------------- GROMACS

result_of_water() {
    (cd "$1" && cat out.gro && gmx dump -f out.trr 2>/dev/null && gmx dump -e out.edr 2>/dev/null)
}

water_make() {
    cat >"$made/water.mdp" <<'END'
integrator = md
nsteps = 40
dt = 0.002
nstlist = 10
nstenergy = 10
nstxout = 40
coulombtype = PME
fourierspacing = 0.15
rlist = 0.7
rcoulomb = 0.7
rvdw = 0.7
verlet-buffer-tolerance = -1
gen-vel = yes
gen-temp = 300
gen-seed = 1993
END
    printf '%s\n' '#include "oplsaa.ff/forcefield.itp"' '#include "oplsaa.ff/spc.itp"' '[ system ]' water \
        '[ molecules ]' 'SOL 216' >"$made/water.top"
    (cd "$made" && gmx grompp -f water.mdp -c /usr/share/gromacs/top/spc216.gro -p water.top -o water.tpr -maxwarn 2)
}

if command -v gmx >/dev/null && command -v gmx_mpi >/dev/null; then
    claim "gmx grompp makes 216 molecules of water" water_make
    input=$made/water.tpr
    both "GROMACS, a rank of its own for PME," water 3 -- gmx_mpi mdrun -s water.tpr -npme 1 -reprod -ntomp 1 -nb cpu -dlb no -deffnm out
    input=
else
    skip "GROMACS" "gromacs is missing"
fi

# ---------------------------------------------------------------- Quantum ESPRESSO

# Two atoms of silicon; every line with a result, of every replica
result_of_scf() {
    grep -a -e '^!' -e 'Total force' -e 'total magnetization' -e 'highest occupied' -e 'convergence has been' -e 'JOB DONE' "$run/out" | sort -u
}

silicon_make() {
    cat >"$made/ld1.in" <<'END'
 &input
   title='Si', zed=14., rel=1, config='[Ne] 3s2 3p2 3d-2', iswitch=3, dft='PZ'
 /
 &inputp
   pseudotype=1, file_pseudopw='Si.UPF', lloc=2, tm=.true.
 /
3
3S 1 0 2.00 0.00 2.50 2.60 0.0
3P 2 1 2.00 0.00 2.50 2.70 0.0
3D 3 2 -2.00 0.05 2.50 2.50 0.0
END
    cat >"$made/si.in" <<'END'
 &control
   calculation='scf', prefix='si', pseudo_dir='./', outdir='./tmp', tprnfor=.true.
 /
 &system
   ibrav=2, celldm(1)=10.2, nat=2, ntyp=1, ecutwfc=12.0
 /
 &electrons
   conv_thr=1.0d-8
 /
ATOMIC_SPECIES
 Si 28.086 Si.UPF
ATOMIC_POSITIONS alat
 Si 0.00 0.00 0.00
 Si 0.26 0.25 0.25
K_POINTS automatic
 2 2 2 1 1 1
END
    (cd "$made" && ld1.x <ld1.in) && [ -s "$made/Si.UPF" ]
}

if command -v pw.x >/dev/null && command -v ld1.x >/dev/null; then
    claim "ld1.x makes a pseudopotential of silicon" silicon_make
    input="$made/si.in $made/Si.UPF"
    both "Quantum ESPRESSO, two pools of k points," scf 4 -- pw.x -npool 2 -in si.in
    input=
else
    skip "Quantum ESPRESSO" "quantum-espresso is missing"
fi

# ---------------------------------------------------------------- mpi4py

# What every run has in common, and that a rank's course was one and the same for all its replicas
result_of_course() {
    grep '^rank' "$run/out" | sort -u
    grep '^course' "$run/out" | sort -u | awk '{print $1, $2}'
}

if /usr/bin/python3 -c 'import mpi4py, numpy' 2>/dev/null; then
    for part in master anysource testsome waitany iprobe improbe spin; do
        both "mpi4py, $part," course 3 -- /usr/bin/python3 "$source/test/mpi/p2prep-choices.py" $part
    done
else
    skip "mpi4py's masters and workers" "python3-mpi4py or python3-numpy is missing"
fi
claims_end
