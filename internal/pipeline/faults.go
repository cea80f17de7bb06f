package pipeline

import "github.com/weir-security/weir/internal/broker"

// Fault names a step of a role at which a test may kill it: the role returns at
// once, without committing, aborting or closing anything in order, as a process
// that is killed there would.
type Fault string

// The steps of each role.
const (
	FaultCollectBegin     Fault = "collect/begin"     // records read, nothing sent
	FaultCollectProducing Fault = "collect/producing" // about to send a record, dead letter or cursor
	FaultCollectProduced  Fault = "collect/produced"  // all output on its way
	FaultCollectFlushed   Fault = "collect/flushed"   // acknowledged, not committed
	FaultCollectCommitted Fault = "collect/committed"
	FaultCollectAnswered  Fault = "collect/answered" // the collectors know

	FaultDetectBegin     Fault = "detect/begin"
	FaultDetectProducing Fault = "detect/producing" // about to send a record
	FaultDetectProduced  Fault = "detect/produced"
	FaultDetectFlushed   Fault = "detect/flushed"
	FaultDetectOffsets   Fault = "detect/offsets" // about to send the input's offsets
	FaultDetectCommitted Fault = "detect/committed"

	FaultCorrelateBegin     Fault = "correlate/begin"
	FaultCorrelateProducing Fault = "correlate/producing" // about to send a record
	FaultCorrelateProduced  Fault = "correlate/produced"
	FaultCorrelateFlushed   Fault = "correlate/flushed"
	FaultCorrelateOffsets   Fault = "correlate/offsets"
	FaultCorrelateCommitted Fault = "correlate/committed"

	FaultStoreBuffered  Fault = "store/buffered"  // rows in memory, no intent yet
	FaultStorePromising Fault = "store/promising" // a batch is due, about to commit the intent
	FaultStoreIntent    Fault = "store/intent"    // the range is promised, no file yet
	FaultStoreCreating  Fault = "store/creating"  // about to write one of the files
	FaultStoreCreated   Fault = "store/created"   // it is there
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
	FaultCollectBegin, FaultCollectProducing, FaultCollectProduced, FaultCollectFlushed, FaultCollectCommitted, FaultCollectAnswered,
	FaultDetectBegin, FaultDetectProducing, FaultDetectProduced, FaultDetectFlushed, FaultDetectOffsets, FaultDetectCommitted,
	FaultCorrelateBegin, FaultCorrelateProducing, FaultCorrelateProduced, FaultCorrelateFlushed, FaultCorrelateOffsets, FaultCorrelateCommitted,
	FaultStoreBuffered, FaultStorePromising, FaultStoreIntent, FaultStoreCreating, FaultStoreCreated, FaultStoreWritten, FaultStoreEnding, FaultStoreCommitted,
	FaultDeliverPolled, FaultDeliverDelivered, FaultDeliverCommitted,
	FaultBrokerUndecided, FaultBrokerDecided,
}

// Steps that a role takes once when it starts, or seldom. They are not in Faults:
// nothing says that one is met in the middle of the work.
const (
	FaultCollectFenced     Fault = "collect/fenced"    // predecessors are fenced, the cursors not read
	FaultCollectRewriting  Fault = "collect/rewriting" // the cursors are written anew, not committed
	FaultCollectRewritten  Fault = "collect/rewritten" // committed, the old ones not deleted
	FaultDetectStart       Fault = "detect/start"
	FaultDetectRuleset     Fault = "detect/ruleset"     // the manifest is written
	FaultCorrelateRestored Fault = "correlate/restored" // the state of a partition was read back
	FaultStoreLetter       Fault = "store/letter"       // about to send the dead letter of a row
)

// RareFaults lists them.
var RareFaults = []Fault{
	FaultCollectFenced, FaultCollectRewriting, FaultCollectRewritten,
	FaultDetectStart, FaultDetectRuleset, FaultCorrelateRestored, FaultStoreLetter,
}

// Steps that only changed rules bring detect to: what it goes over to was checked.
const (
	FaultDetectRenewing Fault = "detect/renewing" // its manifest is not written
	FaultDetectRenewed  Fault = "detect/renewed"  // it is written, the rules before are still in use
)

// ReloadFaults lists them.
var ReloadFaults = []Fault{FaultDetectRenewing, FaultDetectRenewed}

// Steps of the embedded broker's terms when there are too many records of them.
const (
	FaultCorrelateRewriting Fault = "correlate/rewriting" // all terms are sent again, not committed
	FaultCorrelateRewritten Fault = "correlate/rewritten" // committed, those before not deleted
	FaultCorrelateDeleted   Fault = "correlate/deleted"   // they are
)

// TrimFaults lists them.
var TrimFaults = []Fault{FaultCorrelateRewriting, FaultCorrelateRewritten, FaultCorrelateDeleted}

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
