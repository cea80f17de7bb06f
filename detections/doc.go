// Package detections is the rules: their format, the CEL environment that types
// them, the engine that finds which of them an event matches, the correlator
// that turns matches into alerts, and the runner of the tests that every rule
// carries.
//
//	rs, err := detections.Load(dir, detections.LoadOptions{})   // err is Problems
//	engine := rs.NewEngine()                                    // one per goroutine
//	engine.Evaluate(&event, func(s *detections.Signal) { ... }) // in detect
//	correlator.Signal(signal, offset)                           // in correlate, one per partition
//
// Everything here is a pure function of its input: no clock, and no I/O but for
// Load and RunTests, which read the file system that they are given.
package detections
