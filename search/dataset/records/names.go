package records

import (
	"cmp"
	"encoding/json"
	"strconv"

	"mixmas/search/escape"
)

// FeatureNames names the features that a recipe makes of cells, such as "age" and "sex=f", by modality. Modalities of files have none.
// Control characters are escaped.
func FeatureNames(recipe json.RawMessage) (map[string][]string, error) {
	r, err := parseRecipe(recipe)
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, m := range r.Modalities {
		title := func(i int) string {
			c := r.Sources[m.Source].Columns[m.Columns[i]]
			name := cmp.Or(escape.Terminal(c.Name), "column")
			if c.Before > 0 || c.Name == "" {
				name += " " + strconv.Itoa(c.Before+1)
			}
			return name
		}
		switch {
		case m.Table != nil:
			for i, c := range m.Table.Columns {
				names[m.Name] = append(names[m.Name], c.Names(title(i))...)
			}
		case m.Bag != nil:
			names[m.Name] = m.Bag.Bag.Names()
		case m.Series != nil && !m.Series.Files:
			for i := range m.Columns {
				names[m.Name] = append(names[m.Name], title(i))
			}
			for _, f := range m.Series.Missing {
				names[m.Name] = append(names[m.Name], title(f)+" missing")
			}
		}
	}
	return names, nil
}
