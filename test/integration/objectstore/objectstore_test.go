//go:build integration_objectstore

// Package objectstore holds the lake against real object stores: what a whole weir
// writes to them, also one that is killed, is what the directory's code writes for
// the same Kafka records, name for name and byte for byte.
package objectstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/storetest"
)

func TestS3(t *testing.T) {
	server, url := startVersitygw(t)
	testStore(t, server, s3Section(url))
}

func TestAzBlob(t *testing.T) {
	server, url := startAzurite(t)
	testStore(t, server, azblobSection(url))
}

// s3Section is the lake's section of a configuration, with a verb for the prefix.
func s3Section(url string) string {
	return fmt.Sprintf(`{url: "s3://%s/%%s", s3: {endpoint: "%s", path_style: true, access_key_id: %s, secret_access_key: %s}}`,
		bucket, url, accessKey, secretKey)
}

func azblobSection(url string) string {
	return fmt.Sprintf(`{url: "azblob://%s/%s/%%s", azblob: {endpoint: "%s", account_key: "%s"}}`, account, bucket, url, accountKey)
}

// testStore tests one store.
func testStore(t *testing.T, server *server, section string) {
	t.Run("contract", func(t *testing.T) {
		c := writeConfig(t, fmt.Sprintf(section, "contract"), "")
		storetest.Contract(t, openLake(t, c), 40<<20) // three parts
	})
	t.Run("restart", func(t *testing.T) { // the probe's object is there already
		for range 2 {
			openLake(t, writeConfig(t, fmt.Sprintf(section, "restart"), ""))
		}
	})
	t.Run("sample", func(t *testing.T) {
		c := writeConfig(t, fmt.Sprintf(section, "sample"), "")
		runOnce(t, c)
		verify(t, c)
	})
	t.Run("killed", func(t *testing.T) {
		c := writeConfig(t, fmt.Sprintf(section, "killed"), ", flush: {rows: 300}}")
		store := openLake(t, c)
		for kill := range 3 {
			files := len(list(t, store))
			weir := startWeir(t, c)
			for deadline := time.Now().Add(time.Minute); len(list(t, store)) < files+2; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("kill %d: no file came\n%s", kill, weir.Output())
				}
				if weir.Running() != nil { // nothing was left to write
					break
				}
			}
			weir.Kill()
		}
		runOnce(t, c)
		verify(t, c)
	})
	t.Run("away", func(t *testing.T) {
		c := writeConfig(t, fmt.Sprintf(section, "away"), "")
		server.process.Kill()
		weir := startWeir(t, c)
		for deadline := time.Now().Add(time.Minute); !strings.Contains(weir.Output(), "the lake takes no files"); time.Sleep(20 * time.Millisecond) {
			if weir.Running() != nil || time.Now().After(deadline) {
				t.Fatalf("weir does not say that its lake is away\n%s", weir.Output())
			}
		}
		server.start(t)
		finish(t, c, weir)
		verify(t, c)
	})
	t.Run("refused", func(t *testing.T) {
		c := writeConfig(t, strings.Replace(fmt.Sprintf(section, "refused"), bucket, "no-such-place", 1), "")
		if _, err := pipeline.OpenLake(t.Context(), &c.Lake, "test"); err == nil || lake.IsTransient(err) || !strings.Contains(err.Error(), "create the") {
			t.Errorf("no such bucket: %v", err)
		}
	})
}

// writeConfig writes a configuration for the sample logs into a new directory.
// more replaces the end of the lake's section.
func writeConfig(t testing.TB, section, more string) *config.Config {
	t.Helper()
	if more != "" {
		section = strings.TrimSuffix(section, "}") + more
	}
	sample, err := filepath.Abs("../../../deploy/sample/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := strings.NewReplacer(
		"../../data/lake", "LAKE", "../../data/", dir+"/", "../../", filepath.Dir(filepath.Dir(filepath.Dir(sample)))+"/",
	).Replace(string(text))
	in = strings.Replace(in, "lake:\n  dir: LAKE\n", "lake: "+section+"\n", 1)
	file := filepath.Join(dir, "weir.yaml")
	if err := os.WriteFile(file, []byte(in), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, config.Options{Sources: sources.Builtin().Names()})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(in, section) {
		t.Fatal("the sample configuration has no lake to replace")
	}
	return c
}

func openLake(t testing.TB, c *config.Config) lake.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := pipeline.OpenLake(ctx, &c.Lake, c.Instance)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func list(t *testing.T, s lake.Store) []lake.Info {
	t.Helper()
	var all []lake.Info
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}
