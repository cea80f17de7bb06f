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
	if p := program(pattern); p != nil {
		return len(p.Inst)
	}
	return 0
}

// anchored tells whether a regular expression matches at the begin of a text only.
func anchored(pattern string) bool {
	p := program(pattern)
	return p != nil && p.StartCond()&syntax.EmptyBeginText != 0
}

// program is what a regular expression becomes, nil if it is none.
func program(pattern string) *syntax.Prog {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	p, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	return p
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
	size := sizeOf(all[0])
	return &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 1, Max: 1 + (1+size/10)*uint64(patternFactor(pattern))}}
}

// estimateReplace is the cost of regex.replace: cel-go takes each character to be replaced
// by groups that are the whole text, so that no rule could use \1.
func estimateReplace(_ cost.Estimator, _ *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if len(args) < 3 {
		return nil
	}
	pattern, _ := literalText(args[1].Expr())
	size, by := sizeOf(args[0]), sizeOf(args[2])
	groups := by / 2 // as many as there can be
	if text, ok := literalText(args[2].Expr()); ok {
		groups = uint64(strings.Count(text, `\`))
	}
	// One replacement before each character and one at the end; a group is in no two.
	result := size + (size+1)*by + groups*size
	return &cost.CallEstimate{
		CostEstimate: cost.CostEstimate{Min: 1, Max: 1 + (1+size/10)*uint64(patternFactor(pattern)) + result/10},
		ResultSize:   &cost.SizeEstimate{Min: 0, Max: result},
	}
}

// sizeOf is the greatest size of an argument.
func sizeOf(arg cost.AstNode) uint64 {
	if known := arg.ComputedSize(); known != nil {
		return known.Max
	}
	return assumedText
}
