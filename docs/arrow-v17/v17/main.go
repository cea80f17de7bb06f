// Command v17 writes two small tables. Its twin in ../v18 is the same program but
// for the import paths.
//
//	principals  list of strings that are never null     [alice] null [] [bob carol]
//	digests     two integers in each row, none null     [1 2] [3 4]
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: v17 DIR")
		os.Exit(3)
	}
	element := arrow.Field{Name: "element", Type: arrow.BinaryTypes.String, Metadata: fieldID("2")}
	principals := arrow.Field{Name: "principals", Type: arrow.ListOfField(element), Nullable: true, Metadata: fieldID("1")}
	element.Type, element.Metadata = arrow.PrimitiveTypes.Int64, fieldID("4")
	digests := arrow.Field{Name: "digests", Type: arrow.FixedSizeListOfField(2, element), Metadata: fieldID("3")}
	write(principals, `[{"principals": ["alice"]}, {"principals": null}, {"principals": []}, {"principals": ["bob", "carol"]}]`)
	write(digests, `[{"digests": [1, 2]}, {"digests": [3, 4]}]`)
}

func fieldID(id string) arrow.Metadata {
	return arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{id})
}

// write makes a file of one column.
func write(column arrow.Field, rows string) {
	schema := arrow.NewSchema([]arrow.Field{column}, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	check(err)
	defer record.Release()
	f, err := os.Create(filepath.Join(os.Args[1], column.Name+".parquet"))
	check(err)
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	check(err)
	check(w.Write(record))
	check(w.Close()) // and f
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
}
