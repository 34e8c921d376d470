// Package assess says what the figures of a model leave open: where it is wrong, how sure it is, and what each modality is worth.
package assess
