package pipeline

import "github.com/weir-security/weir/internal/broker"

// uses lists the topics that a role reads or writes, and docs/kafka.md what it may
// do with them. A process asks Kafka for those of its roles only, so that its user
// need not be allowed more.
func (p *pipeline) uses(r Role) []string {
	n := p.names
	switch r {
	case RoleCollect:
		topics := append(p.rawTopics(), n.DLQ(), n.Cursors())
		if sharesWork(p.Config.Collectors) {
			topics = append(topics, n.Claims())
		}
		return topics
	case RoleDetect:
		return append(p.rawTopics(), n.Events(), n.Signals(), n.DLQ(), n.Seen(), n.Rulesets())
	case RoleCorrelate:
		return []string{n.Signals(), n.Alerts(), n.DLQ(), n.Rulesets(), n.Terms()}
	case RoleStore:
		return []string{n.Events(), n.Alerts(), n.DLQ()}
	case RoleDeliver:
		return []string{n.Alerts(), n.DLQ()}
	}
	return nil
}

// used are those of topics that the roles of this process use.
func (p *pipeline) used(topics []broker.Topic) []broker.Topic {
	wanted := map[string]bool{}
	for _, r := range p.Roles {
		for _, name := range p.uses(r) {
			wanted[name] = true
		}
	}
	var used []broker.Topic
	for _, t := range topics {
		if wanted[t.Name] {
			used = append(used, t)
		}
	}
	return used
}
