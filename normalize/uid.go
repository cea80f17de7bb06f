package normalize

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/weir-security/weir/schemas/event"
)

// OriginUID is the uid of a record whose source gives it none: 128 bits of a hash
// of where it is and what it is. Live and in replay it is the same, for the same
// object, position and bytes; the bytes are in it so that a rotated file, which
// has other records at equal positions of an equal name, does not collide. What a
// transport says of the record (its id, its stream) takes the place of the object:
// however often and wherever it is delivered, it is the same record.
func OriginUID(rec *event.Record) string {
	sum := sha256.Sum256(rec.Bytes())
	buf := make([]byte, 0, 256)
	if rec.Origin.Envelope != "" {
		buf = append(buf, rec.Origin.Envelope...)
	} else {
		buf = append(buf, rec.Origin.Object...)
		buf = append(buf, 0)
		buf = binary.BigEndian.AppendUint64(buf, uint64(rec.Origin.Position))
	}
	buf = append(buf, sum[:]...)
	sum = sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}
