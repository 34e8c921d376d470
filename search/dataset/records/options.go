// Package records is the format "records": one row per sample, in tables (CSV, TSV, JSON lines), folders of pictures and array
// files, with cells as people write them: numbers, words, texts, paths of pictures and arrays, lists of numbers.
//
// [Open] looks at the rows once to say which split each belongs to and what its labels are, learns what must be learned from the
// training rows (categories, vocabularies, sizes), and encodes every row of every modality into a column of numbers that is
// kept in the cache of decoded samples. The data set is then [dataset.Assemble] over these columns. What was learned is the
// [Recipe]: a model file carries it, and [Predict] encodes new rows with it in the same way.
package records

import (
	"context"

	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/split"
)

func init() {
	dataset.Register(dataset.Format{
		Name:    "records",
		Doc:     "one row per sample: tables with numbers, categories, texts and paths of pictures; folders of pictures; array files",
		Options: func() any { return Defaults() },
		Open: func(ctx context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
			return Open(ctx, *options.(*Options), environment)
		},
		Recipe: readRecipe,
	})
}

// Options are the options of the format "records". A zero value means the default.
type Options struct {
	Name       string        `yaml:"name,omitempty" doc:"name of the data set in tables and reports; default: those of the first file's folder and of the file"`
	Path       options.Words `yaml:"path,omitempty" doc:"the table: a file (CSV, TSV, JSON lines, each also .gz), a glob, a list of files, or a folder or archive of pictures (class folders, or a metadata.csv or metadata.jsonl with a column file_name). Without it, every modality and the labels have a path of their own"`
	Validation options.Words `yaml:"validation,omitempty" doc:"files of the validation rows, with the columns of path; default: as split says"`
	Test       options.Words `yaml:"test,omitempty" doc:"files of the test rows, with the columns of path; default: as split says"`
	Header     bool          `yaml:"header" doc:"the first line of a table names its columns"`
	Delimiter  string        `yaml:"delimiter,omitempty" doc:"what separates the cells of a line: one character, or tab; default: by the file's extension and its first line"`
	Modalities []Modality    `yaml:"modalities" doc:"one entry per modality, at least one"`
	Labels     Labels        `yaml:"labels" doc:"what is predicted: a column of class names, several 0/1 columns, or a column with several names per cell"`
	Classes    []string      `yaml:"classes,omitempty" doc:"names of the classes, in order; default: the sorted distinct values of the labels. Labels that are numbers from 0 (or from 1) on are the positions of these names"`
	Unlabelled string        `yaml:"unlabelled,omitempty" doc:"what happens to rows without a label: error (the default) or drop. With several labels per row, such rows are used unless they are dropped"`
	Unknown    string        `yaml:"unknown,omitempty" doc:"what happens to labels that are no class, neither of a training row nor of classes: error (the default) or ignore, as if the row did not have them"`
	Group      string        `yaml:"group,omitempty" doc:"column that names the group of each row, such as a person, if the split does not say it: intervals of scores then take whole groups. No modality reads it as all"`
	Split      Split         `yaml:"split,omitempty" doc:"which rows are for training, validation and test; default: at random, stratified by class, 70, 15 and 15 percent"`
}

// Defaults returns the options with their defaults.
func Defaults() *Options { return &Options{Header: true} }

// The kinds of modalities.
const (
	Image  = "image"  // pictures
	Array  = "array"  // arrays of two or three axes
	Series = "series" // numbers over time
	Table  = "table"  // numbers, categories, dates, sets
	Text   = "text"   // token ids
	Bag    = "bag"    // counts of words
)

// Modality is one modality: where its cells are, and how they become numbers.
type Modality struct {
	Name string `yaml:"name" doc:"name of the modality"`
	Kind string `yaml:"kind" jsonschema:"enum=image,enum=array,enum=series,enum=table,enum=text,enum=bag" doc:"image (pictures), array (an array per row), series (numbers over time), table (numbers, categories, dates), text, or bag (counted words of a text)"`

	Column  options.Words `yaml:"column,omitempty" doc:"the column with paths, texts or lists; the texts of several columns are joined. A name, or a position: #1 is the first, #-1 the last"`
	Columns options.Words `yaml:"columns,omitempty" doc:"columns by name, position (#3), range (#2..#-2, age..weight), pattern (lab_*), or all (all that nothing else uses); of an array file: its features or channels"`
	File    string        `yaml:"file,omitempty" doc:"path made from cells, such as pictures.zip/{code}.png"`
	Folder  string        `yaml:"folder,omitempty" doc:"folder or archive where paths in cells start, which they cannot leave; default: the folder of the table"`

	Path       options.Words `yaml:"path,omitempty" doc:"tables or an array file (npy, npz, IDX) of this modality, joined with the other rows by row order, or by key"`
	Validation options.Words `yaml:"validation,omitempty" doc:"such files of the validation rows, if there are validation files"`
	Test       options.Words `yaml:"test,omitempty" doc:"such files of the test rows, if there are test files"`
	Key        string        `yaml:"key,omitempty" doc:"column that joins the table of this modality with the rows: both have it, and it names each row once"`

	Size     []int  `yaml:"size,omitempty" jsonschema:"minimum=1" doc:"height and width to which pictures are resized; default: by the training pictures"`
	Channels int    `yaml:"channels,omitempty" doc:"1 (grey) or 3 (colour); default: 3 if a training picture has colours"`
	Alpha    string `yaml:"alpha,omitempty" doc:"what happens to transparency: white (the default: pictures are put on white) or keep (a channel of its own)"`
	Layout   string `yaml:"layout,omitempty" doc:"order of an array's axes: channels_first or channels_last; default: first for pictures and arrays, last (steps, then features) for series"`

	Tokenizer  string `yaml:"tokenizer,omitempty" doc:"wordpiece, words, characters or bytes; default: words for fewer than 20,000 training rows whose words mostly occur again, otherwise wordpiece"`
	Vocabulary int    `yaml:"vocabulary,omitempty" jsonschema:"minimum=0" doc:"most tokens in the vocabulary; default: by the size of the texts"`
	Tokens     int    `yaml:"tokens,omitempty" jsonschema:"minimum=0,maximum=65536" doc:"tokens per text: longer texts are cut; default: the 95th percentile of the training texts, at most 512"`
	Bag        bool   `yaml:"bag,omitempty" doc:"count words in a table instead of reading tokens in order, as kind bag does"`
	Vectors    string `yaml:"vectors,omitempty" doc:"file of word vectors (GloVe .txt, word2vec or fastText .vec) that the words of the training texts start from; the tokenizer is then words by default"`
	Features   int    `yaml:"features,omitempty" jsonschema:"minimum=0" doc:"of a bag: most words that are counted; default: by the size of the texts"`
	Weights    string `yaml:"weights,omitempty" doc:"of a bag: tfidf (the default), count or binary"`
	Hashed     bool   `yaml:"hashed,omitempty" doc:"of a bag: words share features by their hash, so that none is unknown"`

	Steps int `yaml:"steps,omitempty" jsonschema:"minimum=0,maximum=65536" doc:"steps per series: longer ones are cut; default: the longest of the training rows, at most 1024"`

	Kinds       map[string]string `yaml:"kinds,omitempty" doc:"what columns of a table are taken for, such as {age: category}: number, category, date, list or set; default: judged by the training rows"`
	Standardise dataset.Grouping  `yaml:"standardise,omitempty" doc:"feature (the default: each feature or channel by its own mean and standard deviation), modality (all by the same) or none"`
}

// Labels say where the labels are.
type Labels struct {
	Column     string        `yaml:"column,omitempty" short:"true" doc:"column of class names; with separator, of several names per cell"`
	Columns    options.Words `yaml:"columns,omitempty" short:"true" doc:"0/1 columns: a class each, any number per row"`
	Separator  string        `yaml:"separator,omitempty" doc:"what separates several names in a cell, such as |"`
	Path       options.Words `yaml:"path,omitempty" doc:"tables or an array file (npy, npz, IDX) of the labels, joined with the rows by row order, or by key"`
	Validation options.Words `yaml:"validation,omitempty" doc:"such files of the validation rows, if there are validation files"`
	Test       options.Words `yaml:"test,omitempty" doc:"such files of the test rows, if there are test files"`
	Key        string        `yaml:"key,omitempty" doc:"column that joins the table of the labels with the rows"`
}

// Split says which rows belong to which split. Rows of the validation and test files belong to theirs anyhow.
type Split struct {
	split.Options `yaml:",inline"`
	Path          options.Words `yaml:"path,omitempty" doc:"table or array file with the column that names the split or the group of each row, joined with the rows by row order"`
}
