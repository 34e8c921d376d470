// Package store stores the results of trials: a score for each, with its weights and outputs.
//
// A [Score] is found by the key of the trial's specification (see [Key]), so that a trial that ran once never runs
// again. Scores are JSON records in a bbolt file; weights and outputs are files in a folder beside it, named by the
// SHA-256 of their content:
//
//	scores.db
//	scores.db.files/ab/abcdef...
//
// A trial that was stopped after an epoch leaves a partial score with a checkpoint, from which it resumes. Partial scores are
// in a separate bucket. Versions of the program that do not know this bucket train such trials from the start, and their
// pruning removes the files. A partial score is replaced by a score of the same key whose training got further or ended, and
// its checkpoint is removed. Outputs after requested epochs are kept with both kinds of scores.
//
// Runs of the program have a bucket and a folder of their own, which older versions leave alone: see [Store.PutRun] and package
// runs.
//
// # Sharing
//
// The bbolt file is open, and so locked, only during each method call. Any number of processes and goroutines may use one
// store at once. Those that only read do not wait for each other. A call waits until its context ends or for Options.Timeout.
//
// A [Lease] is the exclusive right to work on a key: a lock on the file lease-KEY in the folder, which ends with the process
// that holds it. A stopped process keeps its leases, and the others wait.
//
// Both need a file system with locks; on any other, opening a store is an error. If one machine does not see the locks of
// another, as on some network file systems, only one machine at a time may use a store.
//
// # Durability
//
// Weights and outputs reach the disk under their final names before the record that names them, and a record is written in
// one transaction. Whenever a process is killed, every record is complete and its files exist. At most some unreferenced
// files remain, which [Store.Prune] removes.
//
// # Damage
//
// The pages of the bbolt file are checked before bbolt uses it, once for each state of the file; faults in them are
// ErrDamaged. A record ends with its checksum, the field "checksum": the SHA-256 of the record without that field. Older
// versions of the program read such records and ignore the field; records that they wrote have none and are read too. The
// fields of a record are checked both when it is written and when it is read. A damaged record costs only its own score, and
// [Store.Remove] removes it.
package store
