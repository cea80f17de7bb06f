package deploy

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// buildLine is how the Dockerfile builds the binary.
var buildLine = regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 go build -trimpath -ldflags "([^"]+)" -o /out/weir ./cmd/weir$`)

// build makes the image's binary, with the Dockerfile's own flags.
func build(t *testing.T) string {
	t.Helper()
	m := buildLine.FindSubmatch(read(t, "Dockerfile"))
	if m == nil {
		t.Fatal("the Dockerfile builds the binary in another way than this test knows")
	}
	flags := strings.ReplaceAll(string(m[1]), "${VERSION}", "image-test")
	path := filepath.Join(t.TempDir(), "weir")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", flags, "-o", path, "../cmd/weir")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestImage does with the binary what the image does, without an engine for
// containers: it is alone in a root that is read-only, under the image's user, and
// takes a log to the lake.
func TestImage(t *testing.T) {
	binary := build(t)
	checkStatic(t, binary)
	if os.Getuid() != 0 {
		t.Skip("changing the root needs root: only the linkage is checked")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no mount namespace (%v %s): only the linkage is checked", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "./run-as-image", binary, "../testdata/sample/nginx")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"weir image-test", "the lake is of uid 65532", "root is read-only", `"gateway.nginx":{"read":`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}

// checkStatic wants a binary that needs no loader and no library.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary needs a dynamic loader; the image has none")
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the binary needs %v (%v)", libraries, err)
	}
}

// TestDockerfile checks what makes the image safe.
func TestDockerfile(t *testing.T) {
	text := string(read(t, "Dockerfile"))
	_, final, found := strings.Cut(text, "\nFROM scratch\n")
	if !found {
		t.Fatal("the image is not made from scratch")
	}
	for _, line := range []string{
		"USER 65532:65532", "EXPOSE 9464", `ENTRYPOINT ["/weir"]`, "COPY --from=build /out/weir /weir",
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
	} {
		if !strings.Contains(final, line+"\n") {
			t.Errorf("the image lacks the line %q", line)
		}
	}
}
