// Package expr is CEL over OCSF events: it parses, types and checks the
// expressions of rules, and evaluates them.
//
// An expression goes through five steps, each of which may find problems:
//
//  1. cel-go parses it.
//  2. rewrite.go resolves every name against the class: attributes, enum
//     constants, lists, has(). It turns operators on JSON values into functions
//     of our own, because cel-go's checker would refuse to compare JSON with a
//     string.
//  3. cel-go checks the types.
//  4. check.go finds what is well typed and nevertheless wrong: a constant of
//     another enum, a bad regular expression, a comparison that never holds. lint.go
//     warns of a comparison that an absent attribute satisfies.
//  5. cel-go estimates the cost, and plans the program.
package expr

//go:generate go run ./gen
