// Package paper re-runs what the paper says of AV-MNIST (Chergui et al. 2024, "MixMAS: A Framework for Sampling-Based Mixer
// Architecture Search for Multimodal Fusion and Learning", arXiv:2412.18437): it holds the published numbers, the rules by which
// runs hold or contradict the paper's conclusions, and the page that shows both. It trains nothing.
package paper

import _ "embed"

// Configuration is the search with the published sample: testdata/configs/avmnist-published.yaml.
//
//go:embed avmnist.yaml
var Configuration []byte

// Epochs is the number of epochs of the published full training.
const Epochs = 200

// Baseline is M2-Mixer, and Searched the architecture that the paper's search found.
const (
	Baseline = "m2mixer-avmnist"
	Searched = "searched-avmnist"
	// Found is the model that a search of ours found.
	Found = "found here"
)

// Models are the models that are trained in full.
var Models = []string{Searched, Found, Baseline}

// Rates are the learning rates of the full trainings; each model is judged at the better one, by its validation accuracy.
var Rates = []float64{0.01, 0.001}

// publishedRow is a row of Table II, in percent and millions of parameters.
type publishedRow struct {
	set, metric         string
	baseline, searched  float64
	baselineMillions    float64
	searchedMillions    float64
	baselineUncertainty float64
}

// published are the results in Table II and in the figure of the authors' repository (Madjid-CH/auto-mixer, images/chart.png); 0
// stands for what neither says.
var published = []publishedRow{
	{"AV-MNIST", "accuracy", 73.20, 75.79, 8.3, 9.33, 0.2},
	{"MM-IMDB", "weighted F1", 46.66, 49.58, 16.7, 10.37, 0.44},
	{"MIMIC-III", "accuracy", 78.32, 78.30, 0.029, 0, 0.3},
}

// publishedChoices are what the paper's search chose for AV-MNIST, by stage; the accuracies of Table I are not at hand.
var publishedChoices = map[string]string{"encoder/image": "hyper_mixer", "encoder/audio": "hyper_mixer", "fusion": "concat", "network": "hyper_mixer"}

// inconsistencies are what the paper and its code say twice and differently.
var inconsistencies = []string{
	"M2-Mixer's weighted F1 on MM-IMDB is 46.66 in Table II and 42.3 in the text.",
	"The samples are given as 12% of AV-MNIST, 21% of MIMIC-III and 23% of MM-IMDB. At 95% confidence, with N the whole data set, the formula " +
		"gives 12.06%, 20.96% and 27.0%: no setting gives all three. The published code draws 1,000 rows whatever the formula says.",
	"The 10.37 million parameters of the model for MM-IMDB do not follow from the published options. Those for AV-MNIST do: 9,318,430, where " +
		"9.33 million are printed.",
	"The published code has no stage for the fusion function: it always concatenates, so its runs cannot compare functions.",
	"In the published code only the first candidate of a stage is trained, because all share one trainer, and selection is by micro F1 " +
		"whatever the metric.",
}

// differences are what differs here from the paper, whatever the options.
var differences = []string{
	"The data are rebuilt from public ingredients (`mixmas data build avmnist`), because the authors' copy is not public. Models reach some 86% on them " +
		"after 5 epochs, where the paper reports 73% to 76% after 200: only differences within a table mean anything.",
	"Validation uses recordings that are not in the training data, which the published data set does not guarantee.",
	"All models are trained for the same number of epochs, without early stopping, and keep the weights of the epoch with the least validation " +
		"loss. Each is judged at the better of two learning rates, by validation accuracy; the paper has one.",
	"The slips of the published code that are named below are not repeated.",
}
