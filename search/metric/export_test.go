package metric

// Unregister undoes a test's Register.
func Unregister(name string) { metrics.Unregister(name) }
