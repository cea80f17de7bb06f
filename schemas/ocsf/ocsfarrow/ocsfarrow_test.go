package ocsfarrow

import (
	"fmt"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/weir-security/weir/schemas/ocsf"
	"testing"
)

func leaves(t arrow.DataType) int {
	switch t := t.(type) {
	case *arrow.StructType:
		n := 0
		for _, f := range t.Fields() {
			n += leaves(f.Type)
		}
		return n
	case *arrow.ListType:
		return leaves(t.Elem())
	}
	return 1
}
func TestX(t *testing.T) {
	for _, c := range ocsf.Classes {
		fmt.Println(c.Name, len(c.Attributes), leaves(arrow.StructOf(Schema(c.UID).Fields()...)))
	}
}
