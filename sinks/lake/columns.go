package lake

import (
	"sync"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfparquet"
)

// keptColumns is how much memory the columns that wait for the next file of a writer
// may have.
const keptColumns = 48 << 20

// columnsPool keeps the columns of files that were written, for growing them again
// costs a tenth of a file. Several goroutines may use one.
type columnsPool struct {
	mu   sync.Mutex
	free []freeColumns // oldest first
	size int           // of all of them, bytes
	most int           // of size
}

type freeColumns struct {
	class   ocsf.ClassUID
	columns *ocsfparquet.Columns
	size    int
}

// get takes the columns of a class that were used last, or makes new ones.
func (p *columnsPool) get(class ocsf.ClassUID) (*ocsfparquet.Columns, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.free) - 1; i >= 0; i-- {
		if f := p.free[i]; f.class == class {
			p.remove(i)
			return f.columns, nil
		}
	}
	return ocsfparquet.New(class)
}

// put gives columns back. Those that were not used for longest go, if there are too many.
func (p *columnsPool) put(class ocsf.ClassUID, columns *ocsfparquet.Columns) {
	columns.Reset()
	size := columns.Size()
	if size > p.most {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, freeColumns{class, columns, size})
	p.size += size
	for p.size > p.most {
		p.remove(0)
	}
}

func (p *columnsPool) remove(i int) {
	p.size -= p.free[i].size
	p.free = append(p.free[:i], p.free[i+1:]...)
}
