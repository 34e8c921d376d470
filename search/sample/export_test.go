package sample

// Unregister undoes a test's Register.
func Unregister(name string) { samplers.Unregister(name) }
