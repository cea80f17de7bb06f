// Package ocsfarrow has the Arrow schema of each OCSF class, as the lake stores its
// events, and reads events back from Arrow records.
//
// Every attribute of the class in the selection is a column: objects are
// structs, arrays are lists, and everything may be null, for an absent attribute
// is null. Strings are plain strings, timestamps are microseconds in UTC, JSON
// is its text. Every column and list element carries, as PARQUET:field_id, the
// number that fieldids.json gives its path; the number is the same in every
// class and never changes, so that an Iceberg table can be put over the files.
package ocsfarrow

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weir-security/weir/schemas/ocsf"
)

// fieldIDKey is the metadata that the Parquet writer turns into a field id.
const fieldIDKey = "PARQUET:field_id"

//go:embed fieldids.json
var fieldIDsJSON []byte

// fieldIDs are the ids by path: "actor.user.name", "resources.element.uid".
var fieldIDs = sync.OnceValue(func() map[string]int32 {
	var file struct {
		IDs []struct {
			ID   int32  `json:"id"`
			Path string `json:"path"`
		} `json:"ids"`
	}
	if err := json.Unmarshal(fieldIDsJSON, &file); err != nil {
		panic(fmt.Sprintf("ocsfarrow: embedded fieldids.json: %v", err)) // the generator wrote it
	}
	ids := make(map[string]int32, len(file.IDs))
	for _, f := range file.IDs {
		ids[f.Path] = f.ID
	}
	return ids
})

// schemas are the schemas of all classes.
var schemas = sync.OnceValue(func() map[ocsf.ClassUID]*arrow.Schema {
	m := make(map[ocsf.ClassUID]*arrow.Schema, len(ocsf.Classes))
	for _, c := range ocsf.Classes {
		m[c.UID] = arrow.NewSchema(fields("", c.Attributes), nil)
	}
	return m
})

// Schema is the schema of a class, nil for one outside the selection.
func Schema(class ocsf.ClassUID) *arrow.Schema { return schemas()[class] }

// fields are the columns of attributes whose paths begin with prefix.
func fields(prefix string, attributes []ocsf.Attribute) []arrow.Field {
	list := make([]arrow.Field, len(attributes))
	for i, a := range attributes {
		path := prefix + a.Name
		list[i] = arrow.Field{Name: a.Name, Nullable: true, Metadata: fieldID(path)}
		if !a.Array {
			list[i].Type = valueType(path, a)
			continue
		}
		element := path + ".element"
		list[i].Type = arrow.ListOfField(arrow.Field{Name: "element", Type: valueType(element, a),
			Nullable: true, Metadata: fieldID(element)})
	}
	return list
}

func fieldID(path string) arrow.Metadata {
	id, ok := fieldIDs()[path]
	if !ok {
		panic("ocsfarrow: no field id for " + path + ": run make generate")
	}
	return arrow.NewMetadata([]string{fieldIDKey}, []string{strconv.Itoa(int(id))})
}

// valueType is the type of one value of an attribute.
func valueType(path string, a ocsf.Attribute) arrow.DataType {
	if a.Type == "timestamp_t" {
		return arrow.FixedWidthTypes.Timestamp_us
	}
	switch a.Kind {
	case ocsf.KindObject:
		return arrow.StructOf(fields(path+".", ocsf.ObjectByName(a.Object).Attributes)...)
	case ocsf.KindInt32:
		return arrow.PrimitiveTypes.Int32
	case ocsf.KindInt64:
		return arrow.PrimitiveTypes.Int64
	case ocsf.KindFloat64:
		return arrow.PrimitiveTypes.Float64
	case ocsf.KindBool:
		return arrow.FixedWidthTypes.Boolean
	}
	return arrow.BinaryTypes.String
}
