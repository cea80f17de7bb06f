package expr

import (
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"

	"github.com/weir-security/weir/detections/internal/closure"
)

// Steps of functions (closure.Frame) are measured by the texts that they get: estimates
// are for a large event, and one may be a thousand times as large.

func textSteps(s string) int { return len(s) / closure.CharactersPerStep }

func firstSteps(s, _ string) int { return textSteps(s) }

// eachSteps are those of a function that takes some nanoseconds for a character.
func eachSteps(s string) int { return 4 * textSteps(s) }

func firstEachSteps(s, _ string) int { return 4 * textSteps(s) }

// pairSteps are those of a function that may look at each character for each of the
// other text.
func pairSteps(s, pattern string) int {
	return len(s) / closure.CharactersPerStep * (1 + len(pattern)/4)
}

// instructions is how many a regular expression becomes; 0 if it is none, which is
// reported. Counted repetitions as (x.{0,200}){3} are short to write, and for each
// character of a text a good part of what they become is looked at.
func instructions(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// patternFactor is how many times the work of a plain text a regular expression is.
func patternFactor(pattern string) int { return max(1, len(pattern)/4, instructions(pattern)/4) }

// estimateOthers is the cost of functions that are not weir's own, or have no name; nil
// for what cel-go knows: a regular expression that becomes much more than it is written
// in, and a look through a JSON array.
func estimateOthers(id string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	all := args
	if target != nil {
		all = append([]cost.AstNode{*target}, args...)
	}
	if strings.HasPrefix(id, jsonContains) {
		return &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 1, Max: 1 + assumedJSON}}
	}
	if id != overloads.MatchesString && id != overloads.Matches || len(all) != 2 {
		return nil
	}
	pattern, ok := literalText(all[1].Expr())
	if n := instructions(pattern); !ok || n <= 8+3*len(pattern) {
		return nil // a quarter of its length for each character, which is about as much
	}
	size := uint64(assumedText)
	if known := all[0].ComputedSize(); known != nil {
		size = known.Max
	}
	return &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 1, Max: 1 + (1+size/10)*uint64(patternFactor(pattern))}}
}
