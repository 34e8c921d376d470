package mixer

// UnregisterFusion undoes a test's RegisterFusion.
func UnregisterFusion(name string) { fusions.Unregister(name) }

// Unregister undoes a test's Register.
func Unregister(name string) { architectures.Unregister(name) }
