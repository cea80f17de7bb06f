package rawlog

import (
	"fmt"

	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Mappers redacts and maps records of any source, with a mapper of each that has
// come. One goroutine uses it.
type Mappers struct {
	sources  *sources.Table
	made     map[string]normalize.Mapper
	redact   *redact.Redactor
	redacted redact.Counts // of the last record
}

// NewMappers returns the mappers of the table's sources, which see what the policy
// leaves of a record; all of it if that is nil.
func NewMappers(table *sources.Table, policy *redact.Policy) *Mappers {
	return &Mappers{sources: table, made: map[string]normalize.Mapper{}, redact: policy.NewRedactor()}
}

// Map fills ev from rec by the mapper of rec.Source. A panic of the mapper is an
// error like any other: it costs the one record.
func (m *Mappers) Map(rec *event.Record, ev *ocsf.Event) (err error) {
	mapper, ok := m.made[rec.Source]
	if !ok {
		s, known := m.sources.Lookup(rec.Source)
		if !known {
			return fmt.Errorf("no mapper for source %q", rec.Source)
		}
		mapper = s.NewMapper()
		m.made[rec.Source] = mapper
	}
	defer func() {
		if p := recover(); p != nil {
			delete(m.made, rec.Source) // its state is not to be trusted
			err = &normalize.Error{Reason: event.ReasonPanic, Detail: fmt.Sprintf("the mapper panicked: %v", p)}
		}
	}()
	m.redacted = m.redact.Redact(rec)
	if err = mapper.Map(rec, ev); err == nil {
		normalize.AddContext(rec, ev)
	}
	return err
}
