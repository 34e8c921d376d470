package text

// Strings are the texts of a list.
func Strings(list []string) Texts {
	return func(yield func(string, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
	}
}
