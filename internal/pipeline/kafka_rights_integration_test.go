//go:build integration

package pipeline

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/test/integration/kafka"
)

// right is a line of the table of rights in docs/kafka.md.
type right struct {
	role           Role
	resource, name string
	operations     []kadm.ACLOperation
}

var rightLine = regexp.MustCompile("(?m)^\\| (\\w+) \\| (Topic|Group|TransactionalId) \\| `([^`]+)` \\| ([\\w, ]+) \\|$")

// documentedRights reads the table.
func documentedRights(t *testing.T) []right {
	t.Helper()
	text, err := os.ReadFile("../../docs/kafka.md")
	succeed(t, err)
	var all []right
	for _, m := range rightLine.FindAllStringSubmatch(string(text), -1) {
		r := right{role: Role(m[1]), resource: m[2], name: m[3]}
		for operation := range strings.SplitSeq(m[4], ", ") {
			parsed, err := kmsg.ParseACLOperation(operation)
			succeed(t, err)
			r.operations = append(r.operations, parsed)
		}
		all = append(all, r)
	}
	return all
}

// testKafkaRights runs each role as a user of its own, who has the rights that
// docs/kafka.md gives the role and no others, on topics that are there.
func testKafkaRights(t *testing.T, c *kafka.Cluster, want books) {
	const prefix, password = "rights.", "fish-ladder"
	w := secureWorld(t, t.TempDir(), cluster{Brokers: c.SASL(), Prefix: prefix, Replication: brokers}, "tls: {ca_file: "+c.CAFile()+"}")
	adm := administer(t, c)
	all := &pipeline{Options: Options{Config: w.config, Sources: sources.Builtin().All()}, shared: shared{names: broker.Names{Prefix: prefix}}}
	succeed(t, broker.EnsureTopics(t.Context(), adm, brokers, all.topics()))
	for _, r := range documentedRights(t) {
		grantRight(t, adm, prefix, r)
	}
	w.writeLogs(t)
	var roles []*inBackground
	for _, role := range Roles {
		alterSCRAM(t, c, userOf(role), password)
		user := *w.config
		user.Kafka.SASL = &config.SASL{Mechanism: config.SASLScramSHA512, Username: userOf(role), Password: password}
		roles = append(roles, (&world{dir: w.dir, config: &user}).background(t, role))
	}
	w.waitForEvents(t, c, roles[0], total(want.Events))
	w.waitForRows(t, total(want.Events))
	for i, p := range roles {
		if err := p.stop(); err != nil {
			t.Errorf("%s ended with %v", Roles[i], err)
		}
	}
	w.config.Kafka.Brokers = c.TLS() // where everybody may do all
	succeed(t, w.run(t.Context(), Options{Once: true}))
	checkUndisturbed(t, w, want)
}

func userOf(r Role) string { return "weir-only-" + string(r) }

// grantRight gives a right to the user of its role, with the test's prefix for the
// default one.
func grantRight(t *testing.T, adm *kadm.Client, prefix string, r right) {
	t.Helper()
	name, pattern := r.name, kadm.ACLPatternLiteral
	if before, isPrefix := strings.CutSuffix(name, "*"); isPrefix {
		name, pattern = before, kadm.ACLPatternPrefixed
	}
	acl := kadm.NewACLs()
	switch r.resource {
	case "Topic":
		acl = acl.Topics(prefix + strings.TrimPrefix(name, "weir."))
	case "Group":
		acl = acl.Groups(prefix + strings.TrimPrefix(name, "weir."))
	case "TransactionalId":
		acl = acl.TransactionalIDs(name)
	}
	allow(t, adm, userOf(r.role), acl.Operations(r.operations...).ResourcePatternType(pattern))
}
