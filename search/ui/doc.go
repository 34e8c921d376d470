// Package ui serves the runs of a store as live pages: what runs now and how it goes, what came out of earlier runs, and what
// runs and trials have different. Nothing can be changed through it.
//
// Pages are made here with html/template, which escapes all names; a page that changes is open to an EventSource, which
// gets the parts that changed. The one script replaces these parts, and its hash is in the content security policy. All
// watchers of a run share one reader of its events and one rendering of each change, so that watching costs a training next to
// nothing; without a watcher nothing runs.
//
// A handler without a token answers only requests for a loopback name, so that a page of another site cannot reach it through
// a name that it controls (DNS rebinding). With a token every request needs it, as a bearer or as the cookie of the login page.
package ui
