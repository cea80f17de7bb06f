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
// has other records at equal positions of an equal name, does not collide.
func OriginUID(rec *event.Record) string {
	sum := sha256.Sum256(rec.Value)
	buf := make([]byte, 0, 256)
	buf = append(buf, rec.Origin.Object...)
	buf = append(buf, 0)
	buf = binary.BigEndian.AppendUint64(buf, uint64(rec.Origin.Position))
	buf = append(buf, sum[:]...)
	sum = sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}
