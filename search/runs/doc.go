// Package runs records searches and trainings in a store: what was started, how it goes, and what came out.
//
// [Start] writes the record of a run and takes a lease that ends with its process. [Recorder.Observe] appends what happens to a
// file of events, [Recorder.Attach] adds files, and [Recorder.Finish] writes how it ended. A run whose process was killed reads as
// interrupted, and [Document] tells what had been finished until then, from its events and the scores in the store.
//
// # Files
//
// The record is JSON in the store's file, with the files of the run in a folder of its own:
//
//	scores.db.files/runs/ID/events.jsonl   one event per line
//	scores.db.files/runs/ID/abcdef...      document.json and other attachments, by the SHA-256 of their content
//
// Versions of the program that know no runs open such stores and leave all this alone.
//
// # What recording may not do
//
// Recording must not harm what it records. Events are written by a goroutine of their own; a training's step costs a look at the
// clock. If events cannot be written, as on a full disk, the observer gets one notice, and the search goes on.
package runs
