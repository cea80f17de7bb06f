package deadletter

// SetStep makes a replay tell of its steps: begin, produced and committed of each
// transaction.
func (o *Replay) SetStep(f func(string)) { o.step = f }

// BatchLetters is how many letters go back in one transaction.
const BatchLetters = batchLetters
