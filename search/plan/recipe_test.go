package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"mixmas/search/plan"
	"mixmas/search/trial"
)

// Class weights and label smoothing are in the recipe of their training, and are in its JSON only where they do something.
func TestRecipesOfLosses(t *testing.T) {
	weighs := "training: {class_weights: balanced, label_smoothing: 0.1}"
	for _, c := range []struct{ search, train string }{{}, {search: weighs}, {train: "train: {" + weighs + "}\n"}} {
		text := strings.Replace(strings.Replace(digits, "%d", "100", 1), "%s", "size: 50", 1)
		text = strings.Replace(text, "%s", c.search, 1) + c.train
		configuration, _ := open(t, text)
		for name, got := range map[string]struct {
			recipe trial.Recipe
			weighs bool
		}{
			"search": {sampled(t, text).Specification.Recipe, c.search != ""},
			"full":   {plan.FullRecipe(configuration.Train, "accuracy"), c.train != ""},
		} {
			want := trial.Recipe{}
			if got.weighs {
				want.ClassWeights, want.LabelSmoothing = trial.Balanced, 0.1
			}
			if got.recipe.ClassWeights != want.ClassWeights || got.recipe.LabelSmoothing != want.LabelSmoothing {
				t.Errorf("%s training of %+v: %+v", name, c, got.recipe)
			}
			canonical, err := json.Marshal(got.recipe)
			if has := strings.Contains(string(canonical), "class_weights") || strings.Contains(string(canonical), "label_smoothing"); err != nil || has != got.weighs {
				t.Errorf("%s training of %+v: %s (%v)", name, c, canonical, err)
			}
		}
	}
}
