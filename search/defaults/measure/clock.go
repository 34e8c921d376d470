package main

import "time"

var started = time.Now()

func sinceStart() time.Duration { return time.Since(started) }

// processorClock is a clock that advances by [processorTime].
func processorClock() time.Time { return started.Add(processorTime()) }
