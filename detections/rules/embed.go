// Package rules holds the rules that come with weir: one YAML file a rule, below
// the source it is about (or identity, if about several), its fixtures below testdata, and the lists that rules
// refer to below lists. There is no code here but the embedding.
package rules

import "embed"

// FS is the rules directory: weir-rules.yaml is at its root.
//
//go:embed weir-rules.yaml aws azure gateway gcp identity kubernetes network lists testdata
var FS embed.FS
