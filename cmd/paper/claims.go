package paper

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict says what the runs make of a conclusion.
type Verdict string

// The verdicts.
const (
	Held         Verdict = "held"
	Contradicted Verdict = "contradicted"
	NotTestable  Verdict = "not testable here"
)

// Claim is a conclusion of the paper, with the rule by which runs hold or contradict it. The rules were written before the runs.
type Claim struct {
	// Conclusion is the paper's, in our words, and Rule is the rule in words.
	Conclusion, Rule string
	// judge applies the rule.
	judge func(r *Results) (Verdict, string)
}

// leastSeeds is the least number of paired seeds from which anything is concluded.
const leastSeeds = 3

// Claims are the conclusions of the paper.
var Claims = []Claim{
	{
		Conclusion: "No encoder is the best for every modality.",
		Rule: "Over the seeds, \"ties\" being the encoders that cannot be told apart from a modality's best one (95%): held if two modalities have no " +
			"tying encoder in common; contradicted if one encoder is ahead of all others in every modality; otherwise not testable.",
		judge: noUniversalEncoder,
	},
	{
		Conclusion: "Concatenation is the best fusion function.",
		Rule:       "Held if concatenation is ahead of all other functions (95%); contradicted if one of them is ahead of it; otherwise not testable.",
		judge:      concatenationWins,
	},
	{
		Conclusion: "The searched model (the published architecture) beats M2-Mixer.",
		Rule: "On the test rows, each model at its better learning rate, paired by seed: held if the 95% interval of the difference lies above 0; " +
			"contradicted if it lies below; otherwise not testable.",
		judge: func(r *Results) (Verdict, string) { return beats(r, Searched) },
	},
	{
		Conclusion: "A search finds a model that beats M2-Mixer.",
		Rule:       "The same for the model that each seed's own search found.",
		judge:      func(r *Results) (Verdict, string) { return beats(r, Found) },
	},
	{
		Conclusion: "On clinical data (MIMIC-III) the searched model is level with M2-Mixer.",
		Rule:       "None: MIMIC-III is not public.",
		judge: func(*Results) (Verdict, string) {
			return NotTestable, "PhysioNet 2012 has clinical data of the same kind, but two classes instead of six: what [physionet2012.md](physionet2012.md) " +
				"says can suggest something, and confirm nothing."
		},
	},
}

// Judge applies a claim's rule. The reason is one line.
func (c Claim) Judge(r *Results) (Verdict, string) { return c.judge(r) }

// tooFew says that there are too few seeds, "" if there are enough.
func tooFew(c *compared) string {
	switch {
	case c == nil || c.seeds == 0:
		return "No seed has finished."
	case c.seeds < leastSeeds:
		return fmt.Sprintf("%d of at least %d seeds have finished.", c.seeds, leastSeeds)
	case !c.standing.Tested:
		return capital(c.standing.Text("accuracy")) + "."
	}
	return ""
}

func noUniversalEncoder(r *Results) (Verdict, string) {
	const kind = "encoder/"
	var texts []string
	var ties [][]string
	for _, name := range r.stageNames() {
		modality, is := strings.CutPrefix(name, kind)
		if !is {
			continue
		}
		c := r.stage(name)
		if text := tooFew(c); text != "" {
			return NotTestable, text
		}
		ties = append(ties, c.ties())
		texts = append(texts, modality+": "+strings.Join(c.ties(), ", "))
	}
	if len(ties) < 2 {
		return NotTestable, "Fewer than two modalities were searched."
	}
	reason := "Best or tied, " + strings.Join(texts, "; ") + "."
	common := slices.DeleteFunc(slices.Clone(ties[0]), func(encoder string) bool {
		return slices.ContainsFunc(ties[1:], func(other []string) bool { return !slices.Contains(other, encoder) })
	})
	alone := !slices.ContainsFunc(ties, func(list []string) bool { return len(list) > 1 })
	switch {
	case len(common) == 0:
		return Held, reason
	case alone:
		return Contradicted, reason
	}
	return NotTestable, reason
}

func concatenationWins(r *Results) (Verdict, string) {
	const concatenation = "concat"
	c := r.stage("fusion")
	if text := tooFew(c); text != "" {
		return NotTestable, text
	}
	ties := c.ties()
	reason := "Best or tied: " + strings.Join(ties, ", ") + "."
	switch {
	case !slices.Contains(ties, concatenation):
		return Contradicted, reason
	case len(ties) == 1:
		return Held, reason
	}
	return NotTestable, reason
}

// beats compares a model with M2-Mixer.
func beats(r *Results, model string) (Verdict, string) {
	c := r.models(model, Baseline)
	if text := tooFew(c); text != "" {
		return NotTestable, text
	}
	low, high := c.standing.Interval(0, 1)
	reason := fmt.Sprintf("%+.2f points, 95%% interval %+.2f to %+.2f, over %d seeds.",
		100*(c.standing.Mean[0]-c.standing.Mean[1]), 100*low, 100*high, c.seeds)
	switch { // not by ties: those of two models are tested on one side, after the data have said on which
	case low > 0:
		return Held, reason
	case high < 0:
		return Contradicted, reason
	}
	return NotTestable, reason
}

// ties lists the candidates that cannot be told apart from the leader, the leader first.
func (c *compared) ties() []string {
	list := []string{c.names[c.standing.Leader]}
	for i, name := range c.names {
		if c.standing.Ties[i] && i != c.standing.Leader {
			list = append(list, name)
		}
	}
	return list
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
