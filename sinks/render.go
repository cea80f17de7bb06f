package sinks

// Renderer is a Destination that can show what it would send, without sending it:
// for `weir deliver render`. Every destination but the terminal is one.
type Renderer interface {
	// Render gives the messages that Deliver would send for the alerts, byte for
	// byte but for secrets, which are masked as Mask. It uses no network.
	Render(alerts []Alert) ([]Message, error)
}

// Message is one request, datagram, frame or record.
type Message struct {
	// Target is where it goes, in the protocol's own words, secrets masked:
	// "POST https://siem.example.org:8088/services/collector/event".
	Target string
	// Header are its headers in the order in which they are shown, secrets masked.
	Header []Header
	// Body is what is sent, before any compression.
	Body []byte
}

// Header is one header of a message.
type Header struct{ Name, Value string }

// Mask stands for a secret wherever it would be shown.
const Mask = "********"
