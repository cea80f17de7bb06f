package pipeline

import "github.com/weir-security/weir/internal/broker"

// Fault names a step of a role at which a test may kill it: the role returns at
// once, without committing, aborting or closing anything in order, as a process
// that is killed there would.
type Fault string

// The steps of each role.
const (
	FaultCollectBegin     Fault = "collect/begin"    // records read, nothing sent
	FaultCollectProduced  Fault = "collect/produced" // all output on its way
	FaultCollectFlushed   Fault = "collect/flushed"  // acknowledged, not committed
	FaultCollectCommitted Fault = "collect/committed"

	FaultDetectBegin     Fault = "detect/begin"
	FaultDetectProduced  Fault = "detect/produced"
	FaultDetectFlushed   Fault = "detect/flushed"
	FaultDetectOffsets   Fault = "detect/offsets" // about to send the input's offsets
	FaultDetectCommitted Fault = "detect/committed"

	FaultCorrelateBegin     Fault = "correlate/begin"
	FaultCorrelateProduced  Fault = "correlate/produced"
	FaultCorrelateFlushed   Fault = "correlate/flushed"
	FaultCorrelateOffsets   Fault = "correlate/offsets"
	FaultCorrelateCommitted Fault = "correlate/committed"

	FaultStoreBuffered  Fault = "store/buffered"  // rows in memory, no intent yet
	FaultStorePromising Fault = "store/promising" // a batch is due, about to commit the intent
	FaultStoreIntent    Fault = "store/intent"    // the range is promised, no file yet
	FaultStoreWritten   Fault = "store/written"   // the files are there
	FaultStoreEnding    Fault = "store/ending"    // dead letters written, the end not committed
	FaultStoreCommitted Fault = "store/committed"

	FaultDeliverPolled    Fault = "deliver/polled"
	FaultDeliverDelivered Fault = "deliver/delivered" // the destination has them, no commit yet
	FaultDeliverCommitted Fault = "deliver/committed"

	// Of the embedded broker, for whichever role commits: see broker.Step. They can
	// kill, but not fail.
	FaultBrokerUndecided Fault = Fault("broker/" + broker.StepUndecided)
	FaultBrokerDecided   Fault = Fault("broker/" + broker.StepDecided)
)

// Faults lists every step, for tests that want to try them all.
var Faults = []Fault{
	FaultCollectBegin, FaultCollectProduced, FaultCollectFlushed, FaultCollectCommitted,
	FaultDetectBegin, FaultDetectProduced, FaultDetectFlushed, FaultDetectOffsets, FaultDetectCommitted,
	FaultCorrelateBegin, FaultCorrelateProduced, FaultCorrelateFlushed, FaultCorrelateOffsets, FaultCorrelateCommitted,
	FaultStoreBuffered, FaultStorePromising, FaultStoreIntent, FaultStoreWritten, FaultStoreEnding, FaultStoreCommitted,
	FaultDeliverPolled, FaultDeliverDelivered, FaultDeliverCommitted,
	FaultBrokerUndecided, FaultBrokerDecided,
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
