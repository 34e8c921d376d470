package mixer

// UnregisterFusion undoes a test's RegisterFusion.
func UnregisterFusion(name string) { fusions.Unregister(name) }
