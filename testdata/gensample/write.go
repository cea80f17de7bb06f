package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// write makes dir hold exactly files: others below it are removed.
func write(dir string, files []file) error {
	wanted := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		wanted[path] = true
		if err := writeFile(path, f); err != nil {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || wanted[path] {
			return err
		}
		return os.Remove(path)
	})
}

// writeFile leaves a file alone that already holds the content: compressed
// bytes may differ between versions of Go, the logs inside may not.
func writeFile(path string, f file) error {
	switch have, err := readFile(path); {
	case err == nil && bytes.Equal(have, f.content):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	content := f.content
	if strings.HasSuffix(path, ".gz") {
		var buf bytes.Buffer
		z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
		if err != nil {
			return fmt.Errorf("compress %s: %w", path, err)
		}
		if _, err := z.Write(content); err != nil {
			return fmt.Errorf("compress %s: %w", path, err)
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("compress %s: %w", path, err)
		}
		content = buf.Bytes()
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write sample: %w", err)
	}
	return nil
}

// readFile returns the content of a file, decompressed if it is a .gz.
func readFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return content, err
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", path, err)
	}
	return io.ReadAll(z)
}
