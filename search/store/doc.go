// Package store keeps what trials left behind: a score for each, and its weights and outputs.
//
// A [Score] is found by the key of the trial's specification (see [Key]), so that a trial that ran once never runs
// again. Scores are JSON records in a bbolt file; weights and outputs are files in a folder beside it, named by the
// SHA-256 of their content:
//
//	scores.db
//	scores.db.files/ab/abcdef...
//
// # Sharing
//
// The bbolt file is open, and so locked, only during each method call. Any number of processes and goroutines may use
// one store at once: those that only read do not wait for each other, and a caller waits as long as its context lasts, or
// Options.Timeout.
//
// A [Lease] is the right to be the only one who works on a key: a lock on the file lease-KEY in the folder, which ends with
// the process that holds it. A stopped process keeps its leases; the others wait.
//
// Both need a file system with locks: elsewhere opening a store is an error. Where the locks of one machine are not seen by
// another, as on some network file systems, one machine at a time may use a store.
//
// # Durability
//
// Weights and outputs reach the disk under their final names before the record that names them, and a record is written
// in one transaction. Whenever a process is killed, every record is whole and the files that it names are there; at most
// files that nothing names are left over, which [Store.Prune] removes.
package store
