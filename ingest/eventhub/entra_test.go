package eventhub

import (
	"errors"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Who weir is follows from what is configured, and a secret that was replaced is used from
// then on.
func TestIdentity(t *testing.T) {
	secret, broken := "one", error(nil)
	ask := func() (string, error) { return secret, broken }
	principal := Identity{TenantID: "8a1d5c6e-0f3b-4b7a-9a52-1f0a7f3c6ad6", ClientID: "1f0a7f3c-6ad6-4d0e-9a58-1d6a4e7a9b11", ClientSecret: ask}.Credential().(*credential)
	first, err := principal.current()
	if _, is := first.(*azidentity.ClientSecretCredential); !is || err != nil {
		t.Fatalf("with a secret: %T, %v", first, err)
	}
	if again, _ := principal.current(); again != first {
		t.Error("the same secret makes another credential, with no token in it")
	}
	secret = "two"
	if second, err := principal.current(); second == first || err != nil {
		t.Errorf("another secret is not used: %v", err)
	}
	broken = errors.New("no such file")
	if _, err := principal.current(); !errors.Is(err, broken) {
		t.Errorf("a secret that cannot be read: %v", err)
	}

	none := func() (string, error) { return "", nil }
	chosen, err := Identity{ClientID: "1f0a7f3c-6ad6-4d0e-9a58-1d6a4e7a9b11", ClientSecret: none}.Credential().(*credential).current()
	if _, is := chosen.(*azidentity.ChainedTokenCredential); !is || err != nil {
		t.Errorf("with the id of a client: %T, %v", chosen, err)
	}
	whoever, err := Identity{ClientSecret: none}.Credential().(*credential).current()
	if _, is := whoever.(*azidentity.DefaultAzureCredential); !is || err != nil {
		t.Errorf("with nothing: %T, %v", whoever, err)
	}
}
