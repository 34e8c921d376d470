package config

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
	"mixmas/search/strategy"
)

// Schema returns the JSON schema of configurations, for editors that complete and check YAML. It includes the registered
// formats, metrics, samplers and architectures.
func Schema() ([]byte, error) {
	r := reflector()
	s := r.Reflect(&Config{})
	s.Title = "mixmas search"
	s.Definitions = jsonschema.Definitions{layersReference: layersSchema()}
	return json.MarshalIndent(s, "", "  ")
}

// reflector takes names from yaml tags and descriptions from doc tags. Fields are optional unless a tag requires them.
func reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		DoNotReference:             true,
		Anonymous:                  true,
		LookupComment: func(t reflect.Type, name string) string {
			if t.Kind() != reflect.Struct {
				return ""
			}
			f, _ := t.FieldByName(name)
			return f.Tag.Get("doc")
		},
		Mapper: shortForm,
	}
}

// shortForm returns the schema of a type that also has a short form: layers, a list of words, for which one word may stand, and a struct
// for which the value of one field may stand. It returns nil for other types.
func shortForm(t reflect.Type) *jsonschema.Schema {
	word := &jsonschema.Schema{Type: "string"}
	if t == words {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{word, {Type: "array", Items: word}}}
	}
	if t == layersType {
		return &jsonschema.Schema{Ref: "#/$defs/" + layersReference}
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var forms []*jsonschema.Schema
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("short") == "true" {
			short := reflector().ReflectFromType(f.Type)
			short.Version = ""
			forms = append(forms, short)
		}
	}
	if forms == nil {
		return nil
	}
	r := reflector()
	r.Mapper = func(inner reflect.Type) *jsonschema.Schema {
		if inner == t {
			return nil
		}
		return shortForm(inner)
	}
	whole := r.ReflectFromType(t)
	whole.Version = ""
	return &jsonschema.Schema{AnyOf: append(forms, whole)}
}

// JSONSchemaExtend adds the registered strategies with their options, the metrics, and the suitable architectures.
func (Search) JSONSchemaExtend(s *jsonschema.Schema) {
	own := map[string]*jsonschema.Schema{}
	for _, name := range strategy.Names() {
		addWord(s.Properties.Value("strategy"), name, strategy.Doc(name))
		chosen, err := strategy.New(name)
		if err != nil {
			panic(err)
		}
		own[name] = optionsSchema(chosen)
		for p := own[name].Properties.Oldest(); p != nil; p = p.Next() { // several strategies may have an option with this name
			described := &jsonschema.Schema{Description: "An option of the strategy " + name + ": " + p.Value.Description}
			if other, ok := s.Properties.Get(p.Key); ok {
				described.Description = other.Description + " " + described.Description
			}
			s.Properties.Set(p.Key, described)
		}
	}
	for _, name := range strategy.Names() {
		s.AllOf = append(s.AllOf, ofStrategy(name, own))
	}
	for _, m := range metric.All() {
		addWord(s.Properties.Value("metric"), m.Name, m.Doc)
	}
	s.Properties.Set("networks", stageSchema(s.Properties.Value("networks").Description, func(a mixer.Architecture) bool { return a.Takes(mixer.Tokens) }))
	encoders := s.Properties.Value("encoders")
	encoders.AdditionalProperties = stageSchema("Candidates of one modality.", isEncoder)
}

// ofStrategy allows the options of a strategy, and no others, if the configuration names it or it is the default.
func ofStrategy(name string, own map[string]*jsonschema.Schema) *jsonschema.Schema {
	named := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	named.Properties.Set("strategy", &jsonschema.Schema{Const: name})
	if name != strategy.Default {
		named.Required = []string{"strategy"}
	}
	allowed := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	for _, other := range strategy.Names() {
		for p := own[other].Properties.Oldest(); p != nil; p = p.Next() {
			if _, has := own[name].Properties.Get(p.Key); !has {
				allowed.Properties.Set(p.Key, jsonschema.FalseSchema)
			}
		}
	}
	for p := own[name].Properties.Oldest(); p != nil; p = p.Next() {
		allowed.Properties.Set(p.Key, p.Value)
	}
	return &jsonschema.Schema{If: named, Then: allowed}
}

// JSONSchemaExtend adds the registered samplers.
func (Sample) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, sampler := range sample.Samplers() {
		addWord(s.Properties.Value("sampler"), sampler.Name, sampler.Doc)
	}
}

// addWord adds an allowed word with the description that editors show.
func addWord(s *jsonschema.Schema, name, doc string) {
	s.OneOf = append(s.OneOf, &jsonschema.Schema{Const: name, Description: doc})
}

// JSONSchema returns one alternative per registered format.
func (Data) JSONSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{}
	for _, format := range dataset.Formats() {
		alternative := optionsSchema(format.Options())
		alternative.Title, alternative.Description = format.Name, format.Doc
		alternative.Properties.Set("format", &jsonschema.Schema{Const: format.Name})
		alternative.Properties.Set("pos_weight", &jsonschema.Schema{
			Type: "array", Items: &jsonschema.Schema{Type: "number", ExclusiveMinimum: "0"}, Description: posWeightDoc,
		})
		alternative.Required = []string{"format"}
		s.AnyOf = append(s.AnyOf, alternative)
	}
	return s
}

// JSONSchema describes candidates of any kind; the fields that hold candidates narrow it.
func (Candidates) JSONSchema() *jsonschema.Schema {
	return stageSchema("", func(mixer.Architecture) bool { return true })
}

// JSONSchema describes a list of the registered fusion functions, or {defaults, candidates} with them.
func (Fusions) JSONSchema() *jsonschema.Schema {
	c := newCandidatesSchema()
	for _, f := range mixer.Fusions() {
		c.add(f.Name, f.Doc, f.Options())
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{c.list(), c.stage("")}}
}

// stageSchema describes {defaults, candidates} with the suitable architectures.
func stageSchema(doc string, fits func(mixer.Architecture) bool) *jsonschema.Schema {
	c := newCandidatesSchema()
	for _, a := range mixer.All() {
		if fits(a) {
			c.add(a.Name, a.Doc, a.Options())
		}
	}
	return c.stage(doc)
}

// candidatesSchema describes the possible candidates of a stage.
type candidatesSchema struct {
	names    *jsonschema.Schema   // a candidate by its name alone
	objects  []*jsonschema.Schema // one for each name, with options
	defaults *jsonschema.Schema
}

func newCandidatesSchema() *candidatesSchema {
	return &candidatesSchema{names: &jsonschema.Schema{Type: "string"}, defaults: &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
		Description: "Options for every candidate that has them.",
	}}
}

// add adds a registered name with its options.
func (c *candidatesSchema) add(name, doc string, options any) {
	addWord(c.names, name, doc)
	s := optionsSchema(options)
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		p.Value = orList(p.Value)
		c.addDefault(p.Key, p.Value)
	}
	s.Title, s.Description = name, doc
	s.Properties.Set("name", &jsonschema.Schema{Const: name})
	s.Properties.Set("label", &jsonschema.Schema{Type: "string", MinLength: ptr(uint64(1)), Description: "Name of the candidate in tables."})
	s.Required = []string{"name"}
	c.objects = append(c.objects, s)
}

// addDefault adds an option that candidates have; several may have different ones of that name.
func (c *candidatesSchema) addDefault(name string, value *jsonschema.Schema) {
	known, ok := c.defaults.Properties.Get(name)
	if !ok || known.Ref == value.Ref {
		c.defaults.Properties.Set(name, value)
		return
	}
	c.defaults.Properties.Set(name, &jsonschema.Schema{AnyOf: []*jsonschema.Schema{known, value}})
}

// orList returns the schema of an option of candidates, which may list values unless a value is a list itself or has fields.
func orList(value *jsonschema.Schema) *jsonschema.Schema {
	switch value.Type {
	case "string", "boolean", "integer", "number":
	default:
		return value
	}
	doc := value.Description
	value.Description = ""
	several := &jsonschema.Schema{Type: "array", Items: value, MinItems: ptr(uint64(1)), UniqueItems: true}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{value, several}, Description: doc}
}

// list returns the schema of the list of candidates.
func (c *candidatesSchema) list() *jsonschema.Schema {
	item := &jsonschema.Schema{AnyOf: append([]*jsonschema.Schema{c.names}, c.objects...)}
	return &jsonschema.Schema{Type: "array", MinItems: ptr(uint64(1)), Items: item}
}

// stage returns the schema of {defaults, candidates}.
func (c *candidatesSchema) stage(doc string) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
		Required: []string{"candidates"}, Description: doc,
	}
	s.Properties.Set("defaults", c.defaults)
	s.Properties.Set("candidates", c.list())
	return s
}

// optionsSchema returns the schema of an options struct.
func optionsSchema(options any) *jsonschema.Schema {
	s := reflector().Reflect(options)
	s.Version = ""
	return s
}

// ptr returns the address of a copy of a value.
func ptr[T any](v T) *T { return &v }
