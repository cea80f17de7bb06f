package config

// The kinds of alert destinations. Each has its settings in a field of its own of
// Alert, nil for every other kind; a new kind is a constant, a field, and a case
// in the switch of Alert.fields.
const (
	AlertTerminal = "terminal"
	AlertFile     = "file"
)

var alertTypes = []string{AlertTerminal, AlertFile}

// Alert is one destination of alerts.
type Alert struct {
	Name string
	Type string

	File *FileAlert
}

// FileAlert appends alerts to a file as NDJSON.
type FileAlert struct {
	Path string
}

func (a *Alert) fields() []field {
	common := []field{
		{"name", "name of the destination, and of its consumer group", required{name(&a.Name)}},
		{"type", "kind of the destination", required{oneOf(&a.Type, alertTypes)}},
	}
	switch a.Type {
	case AlertFile:
		if a.File == nil {
			a.File = &FileAlert{}
		}
		return append(common, field{"path", "the file that alerts are appended to as NDJSON", required{path(&a.File.Path)}})
	}
	return common
}
