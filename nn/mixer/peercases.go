package mixer

import "cmp"

// PeerCase is a model whose speed is compared with its PyTorch definition.
type PeerCase struct {
	// Name is data set, modality and architecture.
	Name          string
	Specification Specification
	// Batch is the number of samples of a step.
	Batch int
}

// PeerCases lists the models of the comparison: every architecture on every published input, and the whole AV-MNIST model.
func PeerCases() []PeerCase {
	var list []PeerCase
	add := func(name string, batch int, input Modality, encoder Choice, classes int, multiLabel bool) {
		list = append(list, PeerCase{Name: name, Batch: batch, Specification: Specification{
			Modalities: []Modality{input.with(encoder)}, Classes: classes, MultiLabel: multiLabel}})
	}
	kinds := []string{"mlp_mixer", "hyper_mixer", "monarch_mixer"}
	for _, k := range kinds {
		add("avmnist/image/"+k, 32, avmnistImage, avmnistSizes.choice(k, 0), 10, false)
		add("avmnist/audio/"+k, 32, avmnistAudio, avmnistSizes.choice(k, 0), 10, false)
		add("mmimdb/image/"+k, 8, mmimdbImage, mmimdbSizes.choice(k, 0), 23, true)
		add("mmimdb/text/"+k, 8, mmimdbText, mmimdbSizes.choice(k, 0), 23, true)
		add("mimic/series/"+k, 32, mimicSeries, mimicSizes.choice(k, 0), 6, false)
	}
	add("avmnist/image/ramlp", 32, avmnistImage, Choice{Architecture: "ramlp"}, 10, false)
	add("avmnist/audio/ramlp", 8, avmnistAudio, Choice{Architecture: "ramlp"}, 10, false)
	for _, k := range kinds[:2] {
		network := avmnistSizes
		network.depth = 2
		list = append(list, PeerCase{Name: "avmnist/full/" + k, Batch: 32, Specification: avmnist(k, network, MeanPrediction, 0)})
	}
	return list
}

// BenchmarkCases lists the models of the comparison, and the presets.
func BenchmarkCases() []PeerCase {
	list := PeerCases()
	batches := map[string]int{"m2mixer-mimic": 128}
	for _, p := range Presets() {
		list = append(list, PeerCase{Name: p.Name, Specification: p.Specification(0), Batch: cmp.Or(batches[p.Name], 32)})
	}
	return list
}
