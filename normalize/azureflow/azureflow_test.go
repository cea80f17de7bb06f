package azureflow_test

import (
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azureflow"
	"github.com/weir-security/weir/normalize/internal/maptest"
)

var suite = maptest.Suite{
	Source: "network.azureflow",
	New:    func() normalize.Mapper { return azureflow.New() },
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestMutants(t *testing.T) { suite.Mutate(t, "nsg_v2_end", "vnet_continuing", "nsg_without_flows") }

// Every field of a tuple may be anything.
func TestTuples(t *testing.T) {
	for _, tuple := range []string{
		"1795176000,198.51.100.9,10.0.0.4,1,22,T,I,D", "1795176000,,,,,,,", "1795176000,a,b,-1,70000,Q,X,Y,Z,1,2,3,x",
		"1795176000000,2001:db8::1,10.0.0.4,1,2,300,I,D,NX_HW_NOT_SUPPORTED,9223372036854775807,1,1,1", "0,a,b,c,d,e,f,g,h,i,j,k,l,m,n",
	} {
		suite.Line(t, `{"category":"FlowLogFlowEvent","rule":"r","flowTuple":"`+tuple+`"}`)
	}
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"category":"FlowLogFlowEvent","rule":"r","flowTuple":"1795176000,a,b,-1,70000,Q,X,Y,Z,1,2,3,x"}`)
}

func BenchmarkMap(b *testing.B) { suite.Benchmark(b, "nsg_v2_end", "vnet_continuing", "nsg_v1_denied") }
