package pipeline

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestCommittedOffsetsWait asks for a group's offsets while no broker can be dialled,
// as when the coordinator's has just been killed.
func TestCommittedOffsetsWait(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var refused atomic.Int32
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(
		func(ctx context.Context, network, host string) (net.Conn, error) {
			if refused.Add(1) <= 3 {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
			}
			return (&net.Dialer{}).DialContext(ctx, network, host)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	offsets, err := committedOffsets(t.Context(), kadm.NewClient(cl), "nobody")
	if err != nil || len(offsets) != 0 {
		t.Errorf("%d offsets, error %v; want those of a group that nobody is in: none", len(offsets), err)
	}
	if refused.Load() <= 3 {
		t.Errorf("%d dials: none was refused and tried again", refused.Load())
	}
}
