// reports holds weir's SARIF against the official schema of SARIF 2.1.0, which the
// module go-sarif has: the log on standard input.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // whose schema is read
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run takes the directory of the module go-sarif.
func run(module string) error {
	source, err := os.ReadFile(filepath.Join(module, "pkg/report/v210/sarif/schema.go"))
	if err != nil {
		return fmt.Errorf("find the schema: %w", err)
	}
	_, text, _ := strings.Cut(string(source), "`")
	text, _, ok := strings.Cut(text, "`")
	if !ok {
		return fmt.Errorf("find the schema: no text in %s of %s", "schema.go", module)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif-2.1.0.json", schema); err != nil {
		return fmt.Errorf("add the schema: %w", err)
	}
	compiled, err := c.Compile("sarif-2.1.0.json")
	if err != nil {
		return fmt.Errorf("compile the schema: %w", err)
	}
	log, err := jsonschema.UnmarshalJSON(os.Stdin)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if err := compiled.Validate(log); err != nil {
		return fmt.Errorf("the log is not valid: %w", err)
	}
	results := log.(map[string]any)["runs"].([]any)[0].(map[string]any)["results"].([]any)
	fmt.Printf("valid SARIF 2.1.0, %d results\n", len(results))
	return nil
}
