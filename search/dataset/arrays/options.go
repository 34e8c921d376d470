// Package arrays is the format "npy": data sets of arrays in files, one file per modality and split, with one sample per row. The
// files are those of package arrayfile: npy, npz and IDX.
package arrays

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
)

// Options are the options of the format "npy".
type Options struct {
	Name        string           `yaml:"name" doc:"name of the data set in tables and reports"`
	Modalities  []Modality       `yaml:"modalities" doc:"one entry per modality, at least one"`
	Labels      Files            `yaml:"labels" doc:"files of labels: per row the number of a class from 0 on, one 0/1 element per class of which one is 1, or the class as text; with multi_label one 0/1 element per class"`
	Classes     []string         `yaml:"classes" doc:"names of the classes; default: the numbers in the training labels, which must have no gaps, or the sorted texts"`
	MultiLabel  bool             `yaml:"multi_label" doc:"a row may have any number of classes (multi-label)"`
	Validation  int              `yaml:"validation" jsonschema:"minimum=1" doc:"if no validation files are named: number of rows at the end of the training files to use for validation"`
	Standardise dataset.Grouping `yaml:"standardise" jsonschema:"enum=feature,enum=modality,enum=none" doc:"how samples are standardised (minus the mean of the training rows, divided by their standard deviation): feature, each feature of a table or sequence and each channel of a map by its own; modality, all elements of a modality by the same; none, not at all"`
	Missing     string           `yaml:"missing" doc:"what elements that are not a number (NaN) mean: error, the file is refused; mean, the value is missing and reads as the mean of the training rows"`
}

// Modality names the files of one modality.
type Modality struct {
	Name  string     `yaml:"name" doc:"name of the modality"`
	Kind  mixer.Kind `yaml:"kind" jsonschema:"enum=map,enum=sequence,enum=table" doc:"map (channels, height, width), sequence (steps, features) or table (features)"`
	Shape []int      `yaml:"shape" doc:"shape of one sample; default: that of the file"`
	// Layout says in which order a file has the axes of a sample.
	Layout string `yaml:"layout" doc:"order of the axes of a sample in the file: for maps channels_first (channels, height, width) or channels_last (height, width, channels); for sequences features_last (steps, features) or features_first (features, steps); default: channels_first, features_last"`
	Files  `yaml:",inline"`
	// Standardise overrides that of the data set.
	Standardise dataset.Grouping `yaml:"standardise" doc:"feature, modality or none for this modality; default: that of the data set"`
	// Missing overrides that of the data set.
	Missing string `yaml:"missing" doc:"error or mean for this modality; default: that of the data set"`
	Lengths Files  `yaml:"lengths" doc:"for sequences of differing lengths: files with the number of real steps per row, one for each file of samples; the steps after them are padding and are ignored"`
}

// Files names one file per split.
type Files struct {
	Train      string `yaml:"train" doc:"file of the training rows: x.npy, x.npz/name, x-idx3-ubyte, each also .gz"`
	Validation string `yaml:"validation" doc:"file of the validation rows; default: the last rows of the training file"`
	Test       string `yaml:"test" doc:"file of the test rows; default: no test split"`
}

// of is the file of a split, "" if none is named.
func (f Files) of(s dataset.Split) string { return [...]string{f.Train, f.Validation, f.Test}[s] }

// What missing values mean.
const (
	missingError = "error"
	missingMean  = "mean"
)

func knownMissing(word string) bool {
	return word == "" || word == missingError || word == missingMean
}

// Check implements [dataset.Checker].
func (o *Options) Check() error {
	if len(o.Modalities) == 0 {
		return options.Errorf("modalities", "there are none")
	}
	if !knownMissing(o.Missing) {
		return options.Errorf("missing", "want one of %s, %s, got %q", missingError, missingMean, o.Missing)
	}
	if o.Labels.Train == "" {
		return options.Errorf("labels", "no train file is named")
	}
	if len(o.Classes) == 1 && !o.MultiLabel {
		return options.Errorf("classes", "there is only one, want at least 2")
	}
	named := make(map[string]bool, len(o.Classes))
	for i, class := range o.Classes {
		if class == "" {
			return options.Errorf(fmt.Sprintf("classes[%d]", i), "the class has no name")
		}
		if named[class] {
			return options.Errorf(fmt.Sprintf("classes[%d]", i), "%q is named twice", class)
		}
		named[class] = true
	}
	seen := map[string]bool{}
	for i, m := range o.Modalities {
		field := fmt.Sprintf("modalities[%d]", i)
		switch {
		case m.Name == "":
			return options.Errorf(field, "the modality has no name")
		case seen[m.Name]:
			return options.Errorf(field+".name", "%s is named twice", m.Name)
		case len(m.Shape) != 0 && len(m.Shape) != m.Kind.Rank():
			return options.Errorf(field+".shape", "%s has %d axes, but a %s has %d", dimensions.Text(m.Shape), len(m.Shape), m.Kind, m.Kind.Rank())
		case slices.ContainsFunc(m.Shape, func(n int) bool { return n < 1 }):
			return options.Errorf(field+".shape", "%s has an axis without elements", dimensions.Text(m.Shape))
		case tooLarge(m.Shape):
			return options.Errorf(field+".shape", "%s has too many elements", dimensions.Text(m.Shape))
		case m.Standardise != "" && m.Standardise != dataset.PerFeature && m.Standardise != dataset.PerModality && m.Standardise != dataset.None:
			return options.Errorf(field+".standardise", "want one of feature, modality, none, got %q", m.Standardise)
		case !knownMissing(m.Missing):
			return options.Errorf(field+".missing", "want one of %s, %s, got %q", missingError, missingMean, m.Missing)
		case m.Layout != "" && layouts(m.Kind) == nil:
			return options.Errorf(field+".layout", "a %s has one axis, and no layout", m.Kind)
		case m.Layout != "" && !slices.Contains(layouts(m.Kind), m.Layout):
			return options.Errorf(field+".layout", "want one of %s for a %s, got %q", strings.Join(layouts(m.Kind), ", "), m.Kind, m.Layout)
		case m.Lengths != (Files{}) && m.Kind != mixer.Sequence:
			return options.Errorf(field+".lengths", "a %s has no steps: lengths are for sequences", m.Kind)
		}
		seen[m.Name] = true
		for _, s := range dataset.Splits {
			if (m.of(s) == "") != (o.Labels.of(s) == "") {
				return options.Errorf(field, "only one of %s and the labels names a file for the %s split", m.Name, s)
			}
			if m.Lengths != (Files{}) && (m.Lengths.of(s) == "") != (m.of(s) == "") {
				return options.Errorf(field+".lengths", "only one of %s and its lengths names a file for the %s split", m.Name, s)
			}
		}
	}
	return nil
}

// tooLarge reports whether the number of elements of a shape without empty axes overflows an int.
func tooLarge(shape []int) bool {
	size := 1
	for _, n := range shape {
		if n > math.MaxInt/size {
			return true
		}
		size *= n
	}
	return false
}
