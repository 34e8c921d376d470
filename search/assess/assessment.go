package assess

import (
	"cmp"
	"slices"

	"mixmas/search/report"
)

// File is the name of the file of a run that holds its assessment.
const File = "assessment.json"

// Version is that of the JSON form of an [Assessment].
const Version = 1

// Assessment is what is known of the data and the final models of a run. Its JSON form is attached to the run as [File].
// Names of classes, modalities and features are those of the data, whatever they contain, cut to 200 characters. Undefined numbers
// are NaN, and null in JSON.
type Assessment struct {
	Version int `json:"version"`
	// Metric is the metric that the search selected by: that of Without's scores.
	Metric string `json:"metric"`
	Data   Data   `json:"data"`
	// Models are the final models, in the order searched, ensemble, distilled, cheapest. A training without a search has only
	// "searched".
	Models []Model `json:"models"`
	// Shown are rows to look at, each once: [Data.Samples] and [Mistake.Shown] are indices of this list.
	Shown []Shown `json:"shown"`
	// Untested are sentences about what was not tried, not assessed, or assessed on some rows only, and why.
	Untested []string `json:"untested"`
}

// Data is what the data are.
type Data struct {
	Name        string `json:"name"`
	Format      string `json:"format"`
	Fingerprint string `json:"fingerprint"`
	// MultiLabel means that a row has any number of classes, instead of exactly one.
	MultiLabel bool `json:"multi_label"`
	// Rows is the number of rows of the training, validation and test split, and Unlabelled that of rows without a class, which only
	// multi-label data have.
	Rows       [3]int `json:"rows"`
	Unlabelled [3]int `json:"unlabelled"`
	// Classes are the names of the first classes, 1000 at most, and MoreClasses is the number of the others.
	Classes     []string `json:"classes"`
	MoreClasses int      `json:"more_classes,omitempty"`
	// Counts has for each split the number of rows that have each of Classes.
	Counts [3][]int `json:"counts"`
	// Surveyed is the number of rows of each split that Modalities and Duplicates are about: all, or evenly spaced ones of large
	// data.
	Surveyed   [3]int     `json:"surveyed"`
	Modalities []Modality `json:"modalities"`
	// Duplicates are sentences about rows that occur more than once, Warnings about what is odd in the data.
	Duplicates []string `json:"duplicates,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
	// Samples are some training rows of the first classes, by class. Rows of multi-label data may be in several.
	Samples []Sample `json:"samples,omitempty"`
}

// Modality is one modality of the data.
type Modality struct {
	Name string `json:"name"`
	// Kind is map, sequence, text or table, and Form a description such as "map 1×28×28, one mean for all".
	Kind string `json:"kind"`
	Form string `json:"form"`
	// Shape is that of a row: channels, height, width; steps, features; tokens; or features.
	Shape []int `json:"shape"`
	// Missing has for each split what the surveyed rows lack.
	Missing [3]Missing `json:"missing"`
	// Lengths describes for each split the numbers of real steps, such as "1 to 48 steps, 30.2 on average"; empty for modalities
	// whose rows are all of one length.
	Lengths [3]string `json:"lengths"`
	// Features are those with the most missing values, at most 20, the worst first; none if no value is missing.
	Features []Feature `json:"features,omitempty"`
}

// Missing is what the rows of a split lack of a modality.
type Missing struct {
	// Rows is the number of rows that lack the modality as a whole. Values is the number of missing values in the others, of Of.
	Rows   int `json:"rows"`
	Values int `json:"values"`
	Of     int `json:"of"`
}

// Feature is a feature of a table or sequence, or a channel of a map, with missing values.
type Feature struct {
	Name    string `json:"name"`
	Missing [3]int `json:"missing"`
}

// Sample is a class with some of its rows.
type Sample struct {
	Class string `json:"class"` // empty: rows without a class
	Shown []int  `json:"shown"` // indices of Assessment.Shown
}

// Shown is a row that is shown.
type Shown struct {
	Split string   `json:"split"` // train, validation or test
	Row   int      `json:"row"`   // of the split, from 0
	True  []string `json:"true"`  // its classes, at most 10
	Views []View   `json:"views"`
	// More is the number of modalities that are not shown.
	More int `json:"more,omitempty"`
}

// The kinds of views.
const (
	Picture = "picture" // Image
	Curve   = "curve"   // Values has a list of steps per feature
	Numbers = "numbers" // Values has a list with one number per feature
	Text    = "text"    // Text
	Nothing = "nothing" // the row lacks the modality
)

// View is what people see of a row's modality. A map whose channels are no colours has one view per channel. The JSON form of a
// view has at most some 8 KiB.
type View struct {
	Modality string `json:"modality"`
	Kind     string `json:"kind"`
	// Channel names the channel that Image shows; empty if it shows all of them.
	Channel string `json:"channel,omitempty"`
	// Image is a picture file of Type image/png or image/jpeg, with sides of Width and Height pixels. It may be small: show it larger,
	// without smoothing.
	Image  []byte `json:"image,omitempty"`
	Type   string `json:"type,omitempty"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	// Text may have several lines.
	Text string `json:"text,omitempty"`
	// Names are those of the features, in the order of Values. Values are those before the standardisation, NaN for missing ones. Of
	// long curves they are the smallest and the largest of some steps at a time, of Steps in all.
	Names  []string          `json:"names,omitempty"`
	Values [][]report.Number `json:"values,omitempty"`
	Steps  int               `json:"steps,omitempty"`
	// More is the number of features, channels, characters or tokens that are not shown.
	More int `json:"more,omitempty"`
}

// Model is what the outputs of a model show.
type Model struct {
	// Field is "searched", "ensemble", "distilled" or "cheapest", as in the document, and Name its name there.
	Field string `json:"field"`
	Name  string `json:"name"`
	// Path is its file; empty if none was written.
	Path string `json:"path,omitempty"`
	// Reads are the modalities that it reads, in the order of the data.
	Reads []string `json:"reads"`
	// Same is the Field of an earlier model that this one is: then nothing below is filled in.
	Same string `json:"same,omitempty"`
	// Split is the split that was assessed: test, or validation if there is no test split, which chose the model, so that the figures
	// are too good. Rows is the number of assessed rows, and Of that of the split.
	Split string `json:"split,omitempty"`
	Rows  int    `json:"rows,omitempty"`
	Of    int    `json:"of,omitempty"`
	// Score is the value of the assessment's metric on these rows, with the ends of its 95% interval.
	Score report.Number `json:"score"`
	Low   report.Number `json:"low"`
	High  report.Number `json:"high"`
	// Confusion counts rows by [true][predicted] class, of data with one class per row and at most 30 classes; of more classes,
	// Confused are the most frequent mistakes, at most 30. The counts of multi-label data are in Classes.
	Confusion [][]int    `json:"confusion,omitempty"`
	Confused  []Confused `json:"confused,omitempty"`
	// Classes are in the order of the data: all, or the 200 with the lowest F1 that occur. MoreClasses is the number of the others.
	Classes     []Class `json:"classes,omitempty"`
	MoreClasses int     `json:"more_classes,omitempty"`
	// ROC and PrecisionRecall have the curve of each class, or of the 12 classes with the lowest AUROC in the order of the data, and
	// then the mean of the curves of all classes that have one. A class of only positive or negative rows has no curve.
	ROC             []Line      `json:"roc,omitempty"`
	PrecisionRecall []Line      `json:"precision_recall,omitempty"`
	Calibration     Calibration `json:"calibration,omitzero"`
	// Mistakes are the rows with the most confident wrong predictions, at most 12, the worst first.
	Mistakes []Mistake `json:"mistakes,omitempty"`
	// Without has what the model scores if it lacks one modality, in the order of the data: also of those that it does not read.
	Without []Without `json:"without,omitempty"`
}

// Confused is a kind of mistake: rows of a class that were predicted to be of another.
type Confused struct {
	True      string `json:"true"`
	Predicted string `json:"predicted"`
	Count     int    `json:"count"`
	// Share is the share of the rows of the true class.
	Share report.Number `json:"share"`
}

// Confusions are the kinds of mistakes by the number of rows, the most frequent first. classes are the names of the classes.
func (m Model) Confusions(classes []string) []Confused {
	list := slices.Clone(m.Confused)
	for is, row := range m.Confusion {
		support := 0
		for _, n := range row {
			support += n
		}
		for predicted, n := range row {
			if n > 0 && is != predicted && max(is, predicted) < len(classes) {
				list = append(list, Confused{True: classes[is], Predicted: classes[predicted], Count: n, Share: report.Number(float64(n) / float64(support))})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Confused) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// Class is what a model predicts of one class against the rest. Ratios are NaN for 0/0, where metrics such as f1_macro count 0.
type Class struct {
	Class int    `json:"class"` // its number, from 0
	Name  string `json:"name"`
	// Support is the number of rows that have the class, Predicted of those that are predicted to have it, Right of those of both.
	Support   int           `json:"support"`
	Predicted int           `json:"predicted"`
	Right     int           `json:"right"`
	Precision report.Number `json:"precision"`
	Recall    report.Number `json:"recall"`
	F1        report.Number `json:"f1"`
	// AUROC is the area under the ROC curve, AveragePrecision the mean of the precision over the steps of recall, as scikit-learn
	// computes them.
	AUROC            report.Number `json:"auroc"`
	AveragePrecision report.Number `json:"average_precision"`
	// Threshold is subtracted from the logit before a class is predicted. Of multi-label data, Cut is the probability above which the
	// class is predicted, 0.5 for a threshold of 0; NaN for others.
	Threshold report.Number `json:"threshold"`
	Cut       report.Number `json:"cut"`
}

// Line is the curve of a class: points from left to right, at most 101. X and Y are the false and true positive rate, or recall and
// precision. Threshold is the probability from which on rows count as positive; there is none for the mean and the first point.
type Line struct {
	Class     int             `json:"class"` // -1: the mean
	Name      string          `json:"name"`
	Area      report.Number   `json:"area"` // AUROC or average precision; of the mean, the mean of them
	X         []report.Number `json:"x"`
	Y         []report.Number `json:"y"`
	Threshold []report.Number `json:"threshold,omitempty"`
}

// Calibration compares what a model is sure of with how often it is right: each row with the probability of its predicted class, or
// of multi-label data each row and class with the probability of the class.
type Calibration struct {
	Bins []Bin `json:"bins"` // 10 of equal width, from 0 to 1
	// ECE is the expected calibration error: the mean over the predictions of the difference between share and confidence of their bin.
	ECE report.Number `json:"ece"`
	// Brier is the mean over the rows of the sum over the classes of the squared difference between probability and truth (0 to 2);
	// of multi-label data the mean over rows and classes (0 to 1).
	Brier report.Number `json:"brier"`
}

// Bin are the predictions with a probability from Low to High.
type Bin struct {
	Low   report.Number `json:"low"`
	High  report.Number `json:"high"`
	Count int           `json:"count"`
	// Confidence is their mean probability, and Share the share that is right, with the ends of its 95% interval; NaN without
	// predictions.
	Confidence report.Number `json:"confidence"`
	Share      report.Number `json:"share"`
	ShareLow   report.Number `json:"share_low"`
	ShareHigh  report.Number `json:"share_high"`
}

// Mistake is a row with a wrong prediction.
type Mistake struct {
	Row  int      `json:"row"`  // of the split
	True []string `json:"true"` // at most 10
	// Predicted are the predicted classes, at most 10. Probability is that of the predicted class. Of multi-label data it is that of
	// the wrong answer about Class, which the row has or lacks.
	Predicted   []string      `json:"predicted"`
	Class       string        `json:"class,omitempty"`
	Probability report.Number `json:"probability"`
	// Shown is an index of Assessment.Shown, or -1.
	Shown int `json:"shown"`
}

// Without is what a model scores if no row has a modality, on rows that may be fewer than the assessed ones.
type Without struct {
	Modality string `json:"modality"`
	// Trained means that the model was trained with rows that lack the modality: those of the data, or by drop_modality. Of an ensemble,
	// every member that reads it was.
	Trained bool `json:"trained,omitempty"`
	Rows    int  `json:"rows"`
	// Score is the value of the metric without the modality, with the ends of its 95% interval, and With the value on the same rows
	// with it.
	Score report.Number `json:"score"`
	Low   report.Number `json:"low"`
	High  report.Number `json:"high"`
	With  report.Number `json:"with"`
	// Worth is by how much the score is worse without the modality, with the ends of its 95% interval: the rows of both are paired.
	Worth     report.Number `json:"worth"`
	WorthLow  report.Number `json:"worth_low"`
	WorthHigh report.Number `json:"worth_high"`
}
