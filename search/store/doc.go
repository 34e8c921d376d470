// Package store keeps what trials left behind: a score for each, and its weights and outputs.
//
// A [Score] is found by the key of the trial's specification (see [Key]), so that a trial that ran once never runs
// again. Scores are JSON records in a bbolt file; weights and outputs are files in a folder beside it, named by the
// SHA-256 of their content:
//
//	scores.db
//	scores.db.files/ab/abcdef...
//
// A trial that was stopped after an epoch leaves a partial score with a checkpoint, from which it resumes. Partial scores lie in
// a bucket of their own, which versions that do not know them do not see: these train such trials from the start, and their
// pruning removes the files. One gives way to a score of the same key that got further or ended, and its checkpoint goes with
// it. Outputs after epochs that were asked for are kept with either.
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
//
// # Damage
//
// Before bbolt uses the file, its pages are walked, once for each state of it: what is wrong with them is ErrDamaged. A
// record ends with its checksum, the field "checksum": the SHA-256 of the record without that field. Older versions of the
// program read such records and ignore the field; records that they wrote have none and are read too. What a record says is
// checked whenever it is read, as when it was written. A damaged record costs its own score alone, and [Store.Remove] removes
// it.
package store
