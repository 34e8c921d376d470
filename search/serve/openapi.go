package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/escape"
	"mixmas/search/task"
)

// object is an object of JSON.
type object = map[string]any

// describe is the description of the interface, in OpenAPI 3.1, as it follows from the model.
func (s *Server) describe() ([]byte, error) {
	var readers []string
	row, form := object{}, object{}
	for _, f := range s.fields {
		row[f.Name], form[f.Name] = schema(f), formSchema(f)
		readers = append(readers, f.Name)
	}
	label := object{"type": "string", "enum": s.model.Classes}
	labels := object{"type": "array", "items": label, "description": "The most likely class.", "minItems": 1, "maxItems": 1}
	if s.model.Kind() == task.MultiLabel {
		labels = object{"type": "array", "items": label, "uniqueItems": true, "description": "Every class that applies; there may be none."}
	}
	probabilities := object{}
	for _, class := range s.model.Classes {
		probabilities[class] = object{"type": "number", "minimum": 0, "maximum": 1}
	}
	content := func(kind string, reference string) object {
		return object{kind: object{"schema": object{"$ref": "#/components/schemas/" + reference}}}
	}
	answers := object{"200": object{"description": "A prediction for each row, in order.", "content": content("application/json", "Predictions")}}
	for status, text := range map[int]string{
		http.StatusBadRequest:            "The request is not understood: the JSON or the form is wrong, or there are no rows.",
		http.StatusUnauthorized:          "The server needs its token.",
		http.StatusForbidden:             "The request comes from a web page of another origin, or does not name this machine.",
		http.StatusRequestTimeout:        "The request did not arrive in time.",
		http.StatusRequestEntityTooLarge: fmt.Sprintf("The request has more than %d bytes or %d rows, or a picture more than %d pixels.", s.options.Bytes, s.options.Rows, s.options.Pixels),
		http.StatusUnsupportedMediaType:  "The content type is neither application/json nor multipart/form-data.",
		http.StatusUnprocessableEntity:   "A value cannot be read: the answer names its row and field.",
		http.StatusTooManyRequests:       fmt.Sprintf("%d requests are running, which is the limit. Retry-After says when to try again.", s.options.Requests),
		http.StatusServiceUnavailable:    "The server is stopping, or the prediction took too long.",
	} {
		answers[strconv.Itoa(status)] = object{"description": text, "content": content("application/json", "Error")}
	}
	text := func(description string) object {
		return object{"description": description, "content": object{"text/plain": object{"schema": object{"type": "string"}}}}
	}
	get := func(summary string, answers object) object {
		return object{"get": object{"summary": summary, "responses": answers}}
	}
	document := object{
		"openapi": "3.1.0",
		"info": object{"title": "Predictions of " + s.model.Name, "version": s.options.Version,
			"description": fmt.Sprintf("The model reads %s and predicts %s. What a row does not give is missing.", strings.Join(readers, ", "), s.predicts())},
		"paths": object{
			"/predict": object{"post": object{
				"summary": "Predict rows",
				"requestBody": object{"required": true, "content": object{
					"application/json": object{"schema": object{"$ref": "#/components/schemas/Rows"}},
					"multipart/form-data": object{"schema": object{
						"description": "The values of one row; arrays may have an axis of rows in front. Or the part rows has the rows as JSON, a list, whose values name the other parts' files by their file names.",
						"type":        "object", "properties": form}},
				}},
				"responses": answers,
			}},
			"/healthz": get("Whether the server runs", object{"200": text("It does.")}),
			"/readyz":  get("Whether the server takes requests", object{"200": text("It does."), "503": text("It is stopping.")}),
			"/metrics": get("Counters for Prometheus", object{"200": text("In Prometheus's text format.")}),
		},
		"components": object{
			"schemas": object{
				"Rows": object{"type": "object", "required": []string{"rows"}, "additionalProperties": false,
					"properties": object{"rows": object{"type": "array", "minItems": 1, "maxItems": s.options.Rows, "items": object{"$ref": "#/components/schemas/Row"}}}},
				"Row": object{"type": "object", "additionalProperties": false, "properties": row},
				"Predictions": object{"type": "object", "required": []string{"predictions"},
					"properties": object{"predictions": object{"type": "array", "items": object{"$ref": "#/components/schemas/Prediction"}}}},
				"Prediction": object{"type": "object", "required": []string{"row", "labels", "probabilities"}, "properties": object{
					"row": object{"type": "integer", "minimum": 0}, "labels": labels,
					"probabilities": object{"type": "object", "properties": probabilities, "required": s.model.Classes, "additionalProperties": false}}},
				"Error": object{"type": "object", "required": []string{"error"}, "properties": object{
					"error": object{"type": "string"}, "field": object{"type": "string"}, "row": object{"type": "integer", "minimum": 0}}},
			},
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "If the server was started with a token."}},
		},
		"security": []object{{}, {"token": []string{}}},
	}
	encoded, err := json.MarshalIndent(document, "", "  ")
	return append(escape.JSON(encoded), '\n'), err
}

// predicts says what the model predicts, for people.
func (s *Server) predicts() string {
	const most = 20
	list := s.model.Classes
	what := "one of the classes "
	if s.model.Kind() == task.MultiLabel {
		what = "any of the labels "
	}
	if len(list) > most {
		return what + strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return what + strings.Join(list, ", ")
}

// file is the schema of a file in JSON.
func file(description string) object {
	return object{"type": "object", "required": []string{"base64"}, "additionalProperties": false, "description": description,
		"properties": object{"base64": object{"type": "string", "contentEncoding": "base64"}}}
}

// schema is the schema of a field in JSON.
func schema(f dataset.Field) object {
	missing := object{"type": "null", "description": "missing"}
	either := func(of ...object) object { return object{"anyOf": append(of, missing)} }
	text := object{"type": "string"}
	switch f.Kind {
	case feature.Picture:
		return either(file("A picture: PNG, JPEG, GIF, BMP, TIFF or WebP."), object{"type": "string", "pattern": "^data:.*;base64,", "description": "A data URL."})
	case feature.Array:
		var number any = object{"type": []string{"number", "null"}}
		for i := range f.Shape {
			n := f.Shape[len(f.Shape)-1-i]
			list := object{"type": "array", "items": number}
			if n >= 0 {
				list["minItems"], list["maxItems"] = n, n
			}
			number = list
		}
		lists, ok := number.(object)
		if !ok || len(f.Shape) == 0 {
			return either(file("An npy file."))
		}
		lists["description"] = "Nested lists, of shape " + shapeText(f.Shape) + "."
		return either(lists, file("An npy file, of shape "+shapeText(f.Shape)+"."))
	case feature.Number:
		return object{"type": []string{"number", "string", "null"}}
	case feature.List:
		return either(object{"type": "array", "items": object{"type": []string{"number", "null"}}}, text)
	case feature.Set:
		members := object{"type": "array", "items": object{"type": "string", "examples": f.Values}}
		return either(members, object{"type": "string", "description": "Members separated by " + strconv.Quote(f.Separator) + "."})
	case feature.Category:
		return object{"type": []string{"string", "number", "boolean", "null"}, "examples": f.Values}
	case feature.Date:
		return object{"type": []string{"string", "number", "null"}, "description": "A date or time, written as in the training data."}
	}
	return object{"type": []string{"string", "null"}}
}

// formSchema is the schema of a field as a part of a form.
func formSchema(f dataset.Field) object {
	switch f.Kind {
	case feature.Picture:
		return object{"type": "string", "contentMediaType": "image/*"}
	case feature.Array:
		return object{"type": "string", "contentMediaType": "application/octet-stream", "description": "An npy file, of shape " + shapeText(f.Shape) + "."}
	}
	return object{"type": "string"}
}
