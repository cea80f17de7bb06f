// Package ocsfcel lets CEL read OCSF events: a type provider over the structs of
// package ocsf that answers from presence bits, without reflection and without
// maps, and a JSON type for raw records.
//
// Reading is total. An absent attribute reads as its type's zero, and only has()
// tells the difference; a list index out of range reads as the element's zero.
package ocsfcel

// fields_gen.go is written by schemas/ocsf/gen (emit_cel.go).
