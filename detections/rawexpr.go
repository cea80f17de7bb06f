package detections

import (
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// RawLanguage is the expressions of rules over a record alone: raw and the constants
// of enums, and everything else as in rules. It has no lists.
func RawLanguage() (ocsfcel.Language, error) {
	c, err := expr.NewCompiler(nil)
	if err != nil {
		return nil, fmt.Errorf("make compiler of expressions: %w", err)
	}
	return &rawLanguage{c}, nil
}

type rawLanguage struct{ compiler *expr.Compiler }

func (l *rawLanguage) Compile(class *ocsf.Class, text string, condition bool, report func(line, col int, warning bool, message string)) ocsfcel.Expression {
	want := expr.Scalar
	if condition {
		want = expr.Condition
	}
	e := l.compiler.Compile(class, text, want, report)
	if e == nil {
		return nil
	}
	for _, path := range e.Reads {
		if path != "raw_data" {
			report(1, 0, false, path+" is of the event, which is only being made; a field of the record is raw.NAME")
			return nil
		}
	}
	return rawExpr{e}
}

func (l *rawLanguage) NewScope() ocsfcel.Scope { return new(rawScope) }

type rawScope struct{ expr.Scope }

func (s *rawScope) Reset(raw jsondoc.Value) { s.ResetRaw(raw) }

type rawExpr struct{ *expr.Expr }

func (e rawExpr) Type() *types.Type { return e.Expr.Type }

func (e rawExpr) Constants() []ocsfcel.Constant { return e.Expr.Constants }

func (e rawExpr) Holds(s ocsfcel.Scope) (bool, error) { return e.Expr.Holds(&s.(*rawScope).Scope) }

func (e rawExpr) Value(s ocsfcel.Scope) (ref.Val, error) { return e.Eval(&s.(*rawScope).Scope) }
