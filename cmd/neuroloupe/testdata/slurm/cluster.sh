#!/usr/bin/env bash
# A whole Slurm cluster on one machine, for tests: munged, slurmctld and virtual nodes, everything under one folder and
# on 127.0.0.1 alone. No systemd, no cgroups, no database. Debian: slurm-wlm and munge.
#
#   cluster.sh up DIR NODES      start it; then SLURM_CONF=DIR/slurm.conf
#   cluster.sh down DIR          end it, its jobs, and what they left, and remove DIR
#   cluster.sh crash DIR NODE    the node loses power: its slurmd, its steps and its jobs are killed at once
#   cluster.sh orphan DIR NODE   its slurmd dies alone: its jobs go on, and Slurm queues them again all the same
#   cluster.sh back DIR NODE     start its slurmd again and wait until it is idle
set -uo pipefail
what=${1:?what} dir=${2:?folder}
[ "$what" != up ] || mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P) || exit 1
export SLURM_CONF=$dir/slurm.conf

# until_true SECONDS COMMAND...: waits until the command succeeds
until_true() {
	local tries=$(($1 * 10))
	shift
	while ! "$@"; do
		((--tries > 0)) || return 1
		sleep .1
	done
}

# free_ports N: the first of N ports in a row on which nobody listens
free_ports() {
	local first i
	for first in $(shuf -i 20000-29000 -n 50); do
		for ((i = 0; i < $1; i++)); do
			if (: </dev/tcp/127.0.0.1/$((first + i))) 2>/dev/null; then continue 2; fi
		done
		echo "$first"
		return
	done
	return 1
}

daemon() { # daemon NAME COMMAND...
	local name=$1
	shift
	"$@" </dev/null >>"$dir/log/$name" 2>&1 &
	echo $! >"$dir/pid/$name"
}

node_up() { daemon "$1" slurmd -D -N "$1"; }

answers() { munge -n -S "$dir/munge/socket" >/dev/null 2>&1; }
idle() { [ "$(sinfo -h -N -p main -o '%N %T' 2>/dev/null | grep -cE "^$1 idle\$")" -ge "$2" ]; }

up() {
	local nodes=$1 port ports scheduler i me
	me=$(id -un)
	port=$(free_ports $((nodes + 1))) || return 1
	ports="$((port + 1))-$((port + nodes))"
	scheduler=sched_interval=2,sched_min_interval=0,batch_sched_delay=0,bf_interval=2,requeue_setup_env_fail
	chmod 755 "$dir"
	mkdir -p "$dir"/{munge,state,log,pid}
	chmod 755 "$dir/munge"
	(umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key")
	daemon munged munged --foreground --num-threads=2 --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
		--pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" --log-file="$dir/log/munged.log"
	until_true 10 answers || { cat "$dir/log/munged" >&2; return 1; }
	cat >"$SLURM_CONF" <<-CONF
		ClusterName=loupe
		SlurmctldHost=$(hostname -s)(127.0.0.1)
		SlurmctldPort=$port
		SlurmUser=$me
		SlurmdUser=$me
		AuthType=auth/munge
		AuthInfo=socket=$dir/munge/socket,cred_expire=5
		CredType=cred/munge
		CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
		StateSaveLocation=$dir/state
		SlurmdSpoolDir=$dir/spool/%n
		TmpFS=$dir/tmp/%n
		SlurmctldPidFile=$dir/pid/slurmctld.file
		SlurmdPidFile=$dir/pid/%n.file
		SlurmctldLogFile=$dir/log/slurmctld.log
		SlurmdLogFile=$dir/log/%n.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		MpiDefault=none
		SwitchType=switch/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		PriorityType=priority/basic
		SchedulerType=sched/backfill
		SchedulerParameters=$scheduler
		AccountingStorageType=accounting_storage/none
		JobCompType=jobcomp/none
		MailProg=/bin/true
		ReturnToService=2
		SlurmdParameters=config_overrides
		SlurmdTimeout=10
		InactiveLimit=0
		KillWait=5
		CompleteWait=0
		PreemptType=preempt/partition_prio
		PreemptMode=REQUEUE
		NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$ports] CPUs=1 RealMemory=1000
		PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=0
		PartitionName=urgent Nodes=ALL MaxTime=60 State=UP PriorityTier=10 PreemptMode=OFF
	CONF
	daemon slurmctld slurmctld -D -i
	for ((i = 1; i <= nodes; i++)); do
		mkdir -p "$dir/spool/n$i"
		mkdir -p -m 1777 "$dir/tmp/n$i"
		node_up "n$i"
	done
	until_true 30 idle 'n[0-9]+' "$nodes" || { tail -n 20 "$dir"/log/* >&2; return 1; }
}

# of_cluster: the processes that were started by a job of this cluster, and the steps that they are in
of_cluster() { # of_cluster [NODE]
	local e p
	for e in $(grep -lzxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2>/dev/null); do
		p=${e%/environ}
		[ -z "${1-}" ] || grep -qzxF "SLURMD_NODENAME=$1" "$e" 2>/dev/null || continue
		if [ "$(cat "$p/comm" 2>/dev/null)" = slurmstepd ] || grep -qz '^SLURM_JOB_ID=' "$e" 2>/dev/null; then
			echo "${p#/proc/}"
		fi
	done
}

step_of() { # step_of PID: its parent, where that is a step of Slurm
	local parent
	parent=$(awk '/^PPid:/{print $2}' "/proc/$1/status" 2>/dev/null)
	[ "$(cat "/proc/${parent:-0}/comm" 2>/dev/null)" = slurmstepd ] && echo "$parent"
}

lose() { # lose NODE [with its jobs]
	local node=$1 pids p jobs
	pids=$(cat "$dir/pid/$node")
	if [ -n "${2-}" ]; then
		jobs=$(of_cluster "$node")
		for p in $jobs; do pids+=" $(step_of "$p")"; done # the steps first, or they tell that the job has failed
		pids+=" $jobs"
	fi
	kill -KILL $pids 2>/dev/null
	rm -f "$dir/pid/$node"
	timeout 10 scontrol update nodename="$node" state=down reason="test: $node is lost"
}

down() {
	local name pid left
	timeout 5 scancel --full -p main 2>/dev/null
	timeout 5 scancel --full -p urgent 2>/dev/null
	for name in $(ls "$dir/pid" 2>/dev/null | grep -v '\.file$' | sort -r); do # slurmctld, the nodes, munged
		[ "$name" != munged ] || continue
		pid=$(cat "$dir/pid/$name") && kill "$pid" 2>/dev/null
	done
	for _ in 1 2 3 4 5; do
		left=$(of_cluster)
		[ -n "$left" ] || break
		kill -KILL $left 2>/dev/null
		sleep .2
	done
	pid=$(cat "$dir/pid/munged" 2>/dev/null) && kill "$pid" 2>/dev/null
	sleep .5
	for name in "$dir"/pid/*; do kill -KILL "$(cat "$name" 2>/dev/null)" 2>/dev/null; done
	rm -rf "$dir"
}

case $what in
up) up "${3:?nodes}" ;;
down) down ;;
crash) lose "${3:?node}" jobs ;;
orphan) lose "${3:?node}" ;;
back) node_up "${3:?node}" && until_true 60 idle "$3" 1 ;;
*) echo "what is $what?" >&2 && exit 2 ;;
esac
