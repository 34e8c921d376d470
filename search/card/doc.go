// Package card writes the model card beside a model file, in Markdown with the front matter of Hugging Face.
package card
