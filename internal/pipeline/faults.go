package pipeline

// Fault names a step of a role at which a test may kill it: the role returns at
// once, without committing, aborting or closing anything in order, as a process
// that is killed there would.
type Fault string

// The steps of each role. begin: before the transaction; produced: all output
// sent, nothing committed; committed: after the commit, before anything else.
const (
	FaultCollectBegin       Fault = "collect/begin"
	FaultCollectProduced    Fault = "collect/produced"
	FaultCollectCommitted   Fault = "collect/committed"
	FaultDetectBegin        Fault = "detect/begin"
	FaultDetectProduced     Fault = "detect/produced"
	FaultDetectCommitted    Fault = "detect/committed"
	FaultCorrelateBegin     Fault = "correlate/begin"
	FaultCorrelateProduced  Fault = "correlate/produced"
	FaultCorrelateCommitted Fault = "correlate/committed"
	FaultStoreBuffered      Fault = "store/buffered" // rows in memory, no intent yet
	FaultStoreIntent        Fault = "store/intent"   // the range is promised, no file yet
	FaultStoreWritten       Fault = "store/written"  // the files are there, the end not committed
	FaultStoreCommitted     Fault = "store/committed"
	FaultDeliverPolled      Fault = "deliver/polled"
	FaultDeliverDelivered   Fault = "deliver/delivered" // the destination has them, no commit yet
	FaultDeliverCommitted   Fault = "deliver/committed"
)

// Faults lists every step, for tests that want to try them all.
var Faults = []Fault{
	FaultCollectBegin, FaultCollectProduced, FaultCollectCommitted,
	FaultDetectBegin, FaultDetectProduced, FaultDetectCommitted,
	FaultCorrelateBegin, FaultCorrelateProduced, FaultCorrelateCommitted,
	FaultStoreBuffered, FaultStoreIntent, FaultStoreWritten, FaultStoreCommitted,
	FaultDeliverPolled, FaultDeliverDelivered, FaultDeliverCommitted,
}

// Injector is asked at each step; an error kills the role there. A nil Injector
// never does.
type Injector func(Fault) error

// At reports that a role has come to a step.
func (i Injector) At(f Fault) error {
	if i == nil {
		return nil
	}
	return i(f)
}

// fault is the role's own step of a transaction.
func (r Role) fault(step string) Fault { return Fault(string(r) + "/" + step) }
