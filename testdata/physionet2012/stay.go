package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// descriptors are known when a stay begins. They are columns as they are.
var descriptors = []string{"Age", "Gender", "Height", "ICUType", "Weight"}

// measured are the parameters that are measured repeatedly, each with the values that a patient can have. Others are slips, such
// as a pH of 735 or the pressure of a line that is not connected.
var measured = []struct {
	name        string
	least, most float64
}{
	{"ALP", 0, 1e5}, {"ALT", 0, 1e5}, {"AST", 0, 1e5}, {"Albumin", 0, 10}, {"BUN", 0, 500}, {"Bilirubin", 0, 100},
	{"Cholesterol", 0, 1e4}, {"Creatinine", 0, 100}, {"DiasABP", 10, 200}, {"FiO2", 0.2, 1}, {"GCS", 3, 15}, {"Glucose", 5, 2000},
	{"HCO3", 1, 100}, {"HCT", 5, 80}, {"HR", 10, 300}, {"K", 1, 15}, {"Lactate", 0, 50}, {"MAP", 15, 250}, {"Mg", 0, 20},
	{"NIDiasABP", 10, 200}, {"NIMAP", 15, 250}, {"NISysABP", 20, 300}, {"Na", 90, 200}, {"PaCO2", 5, 200}, {"PaO2", 10, 700},
	{"Platelets", 1, 3000}, {"RespRate", 1, 100}, {"SaO2", 20, 100}, {"SysABP", 20, 300}, {"Temp", 25, 45}, {"TroponinI", 0, 1e3},
	{"TroponinT", 0, 1e3}, {"Urine", 0, 2e4}, {"WBC", 0, 1e3}, {"Weight", 20, 400}, {"pH", 6.5, 8},
}

// summaries are the columns of each measured parameter.
var summaries = []string{"last", "min", "max", "mean", "slope", "count"}

// ventilated is a parameter without values: it only says when a patient was ventilated.
const ventilated = "MechVent"

func header() []string {
	names := append([]string{"record", "set", "death"}, descriptors...)
	for _, p := range measured {
		for _, s := range summaries {
			names = append(names, p.name+"_"+s)
		}
	}
	return append(names, ventilated+"_count")
}

// stay is what is known about a patient.
type stay struct {
	descriptors map[string]float64
	series      map[string]*series
}

// readStay reads the lines Time,Parameter,Value of a file. Values below 0 mean that they are unknown.
func readStay(r io.Reader) (*stay, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord, lines.ReuseRecord = 3, true
	s := &stay{descriptors: map[string]float64{}, series: map[string]*series{}}
	for first := true; ; first = false {
		cells, err := lines.Read()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := lines.FieldPos(0)
		if first {
			if !slices.Equal(cells, []string{"Time", "Parameter", "Value"}) {
				return nil, fmt.Errorf("line %d: want Time,Parameter,Value, got %q", line, strings.Join(cells, ","))
			}
			continue
		}
		if cells[1] == "" {
			continue
		}
		hours, err := parseTime(cells[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		value, err := strconv.ParseFloat(cells[2], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: want a number, got %q", line, cells[1], cells[2])
		}
		s.add(cells[1], hours, value)
	}
}

// parseTime reads hours and minutes since the beginning of a stay.
func parseTime(text string) (hours float64, err error) {
	h, m, found := strings.Cut(text, ":")
	whole, err := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if !found || err != nil || err2 != nil || whole < 0 || minutes < 0 || minutes > 59 {
		return 0, fmt.Errorf("want a time such as 07:30, got %q", text)
	}
	return float64(whole) + float64(minutes)/60, nil
}

func (s *stay) add(parameter string, hours, value float64) {
	if value < 0 {
		return
	}
	_, known := s.descriptors[parameter]
	if slices.Contains(descriptors, parameter) && hours == 0 && !known {
		s.descriptors[parameter] = value
		return
	}
	for _, p := range measured {
		if p.name == parameter && (value < p.least || value > p.most) {
			return
		}
	}
	if s.series[parameter] == nil {
		s.series[parameter] = &series{}
	}
	s.series[parameter].add(hours, value)
}

// cells are those of the header behind the death. What is unknown is empty.
func (s *stay) cells() (cells []string) {
	for _, name := range descriptors {
		value, known := s.descriptors[name]
		if name == "Height" && (value < 100 || value > 230) || name == "Weight" && (value < 20 || value > 400) {
			known = false
		}
		cells = append(cells, cell(value, known))
	}
	for _, p := range measured {
		cells = append(cells, s.series[p.name].cells()...)
	}
	n := 0
	if v := s.series[ventilated]; v != nil {
		n = v.count
	}
	return append(cells, strconv.Itoa(n))
}

func cell(value float64, known bool) string {
	if !known {
		return ""
	}
	return strconv.FormatFloat(value, 'g', 6, 64)
}

// series summarises the values of a parameter.
type series struct {
	count                        int
	last, lastHours, least, most float64
	// Sums of hours, values, their squares and products.
	hours, values, squares, products float64
}

func (s *series) add(hours, value float64) {
	if s.count == 0 {
		s.least, s.most = value, value
	}
	s.count++
	if hours >= s.lastHours {
		s.last, s.lastHours = value, hours
	}
	s.least, s.most = min(s.least, value), max(s.most, value)
	s.hours += hours
	s.values += value
	s.squares += hours * hours
	s.products += hours * value
}

// cells are those of summaries: of a parameter that was never measured, only the count is known; of one that was not measured
// at two times, the slope is not.
func (s *series) cells() []string {
	if s == nil {
		return []string{"", "", "", "", "", "0"}
	}
	n := float64(s.count)
	spread := n*s.squares - s.hours*s.hours // n² times the variance of the hours
	rising := spread > 1e-6
	slope := 0.0
	if rising {
		slope = (n*s.products - s.hours*s.values) / spread
	}
	return []string{cell(s.last, true), cell(s.least, true), cell(s.most, true), cell(s.values/n, true), cell(slope, rising), strconv.Itoa(s.count)}
}
