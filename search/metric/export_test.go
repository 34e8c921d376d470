package metric

// UnregisterLast undoes a test's Register.
func UnregisterLast() { metrics = metrics[:len(metrics)-1] }
