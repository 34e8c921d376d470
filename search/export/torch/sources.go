package torch

// sources are the classes and functions that exported files are made of.
var sources library

type library struct{}

func (l *library) add(from, text string) {}
