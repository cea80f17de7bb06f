package suggest

import "testing"

func TestClosest(t *testing.T) {
	sources := []string{"aws.cloudtrail", "azure.activity", "gateway.nginx", "kubernetes.audit"}
	for _, test := range []struct{ word, want string }{
		{"aws.cloudtrial", "aws.cloudtrail"}, // a swap is one edit
		{"AWS.CloudTrail", "aws.cloudtrail"},
		{"kubernets.audit", "kubernetes.audit"},
		{"gateway.ngnix", "gateway.nginx"},
		{"aws.guardduty", ""},
		{"x", ""},
		{"", ""},
	} {
		if got, ok := Closest(test.word, sources); got != test.want || ok != (test.want != "") {
			t.Errorf("Closest(%q) = %q, %v, want %q", test.word, got, ok, test.want)
		}
	}
}

func TestClosestPrefersTheNearer(t *testing.T) {
	if got, _ := Closest("sourcs", []string{"sourced", "source", "sources"}); got != "source" {
		t.Errorf("the first of the nearest is %q, want source", got)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"abcd", "badc", 2},
	} {
		if got := distance([]byte(test.a), []byte(test.b)); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("topic_prefx", []string{"group_prefix", "topic_prefix"}), `; did you mean "topic_prefix"?`; got != want {
		t.Errorf("Hint = %q, want %q", got, want)
	}
}
