package sample

// Unregister undoes a test's Register.
func Unregister(name string) { delete(samplers, name) }
