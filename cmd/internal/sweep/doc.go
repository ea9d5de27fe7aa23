// Package sweep trains many networks: it reads which (file.go), makes a run of each (plan.go), and has them trained on
// this machine (local.go), which any number of processes may do at once with one folder, or by a cluster (slurm.go).
//
// The folder of a sweep:
//
//	sweep.toml    the file, as it was last given
//	plan.json     the runs, in order: id, what is set, where the data lies
//	runs/ID/      a run folder each, named by the sum of what the run is
//	log/*.jsonl   what happened, a line each; a file per process, so that none ever writes into another's
//	slurm/        the job script and what its elements print
//
// The run folders are the truth: what is done, and what is left to do, is read from them alone. A process claims a run
// by the lock of its folder, which the system gives back when the process dies.
package sweep
