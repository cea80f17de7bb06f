// Command gensample writes the bundled sample logs: the morning of one
// invented company, as four sources really deliver it, with one attack inside.
// docs/sample.md tells the attack; expected.json, written beside the logs, says
// what weir must make of them.
//
//	go run ./testdata/gensample
//
// The output depends on nothing but this program: no clock, no network, a fixed
// seed for every source.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", filepath.Join("testdata", "sample"), "directory to write the sample logs to")
	flag.Parse()
	if err := write(*out, build()); err != nil {
		fmt.Fprintln(os.Stderr, "gensample:", err)
		os.Exit(5)
	}
}

// file is one output file: its slash-separated path below the sample directory
// and its content before compression. A path that ends in .gz is compressed.
type file struct {
	path    string
	content []byte
}

// build makes the whole sample.
func build() []file {
	expected := newExpectation()
	var files []file
	files = append(files, cloudtrail(expected)...)
	files = append(files, kubernetes(expected)...)
	files = append(files, azure(expected)...)
	files = append(files, nginx(expected)...)
	return append(files, file{"expected.json", expected.json()})
}
