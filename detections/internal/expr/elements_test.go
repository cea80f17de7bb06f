package expr

import (
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf"
)

// TestElementsBeyondTheEnd: of a list that an expression makes an element that is not
// there reads as zero, too, compiled and by cel-go.
func TestElementsBeyondTheEnd(t *testing.T) {
	c, err := NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	ev := &ocsf.Event{}
	ev.SetClass(ocsf.ClassAPIActivity)
	for _, text := range []string{
		`"a/b".split("/")[1] == "b"`, `"a/b".split("/")[5] == ""`, `"a/b".split("/")[0 - 1] == ""`, `!("a".split("/")[3] == "x")`,
		`[1, 2].filter(x, x > 5)[0] == 0`, `[1.5][7] == 0.0`, `![true][1]`, `resources.map(r, r.uid)[0] == ""`,
		`resources.map(r, r.created_time)[0] == timestamp(0)`, `regex.extractAll(api.operation, "[a-z]")[3] == ""`,
		`string(raw.list.map(x, x)[2]) == ""`, `[["a"], ["b"]].exists(l, l[1] == "")`, `"a/b,c/d".split(",").map(p, p.split("/")[1]).join("") == "bd"`,
	} {
		var problems strings.Builder
		e := c.Compile(ocsf.ClassByName("api_activity"), text, Condition, func(_, _ int, _ bool, message string) { problems.WriteString(message) })
		if e == nil {
			t.Errorf("%s: %s", text, problems.String())
			continue
		}
		var scope Scope
		scope.Reset(ev)
		for name, eval := range map[string]func(*Scope) (ref.Val, error){"compiled": e.Eval, "cel-go": e.Reference} {
			if got, err := eval(&scope); err != nil || got != types.True {
				t.Errorf("%s: %s gives %v, %v", text, name, got, err)
			}
		}
	}
}
