package lake_test

import (
	"testing"

	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/storetest"
)

func TestDirContract(t *testing.T) {
	d, err := lake.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	storetest.Contract(t, d, 100_000)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
