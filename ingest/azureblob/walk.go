package azureblob

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/weir-security/weir/ingest/object"
)

// Walk implements object.Lister. It goes down the folders, so that it needs to list
// none of a date before since: a container keeps months of hours, of which one grows.
func (s *store) Walk(ctx context.Context, after string, since time.Time, visit func(object.Entry) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	w := &walk{client: c, after: after, since: since, visit: visit}
	return w.folder(ctx, s.prefix)
}

type walk struct {
	client *container.Client
	after  string
	since  time.Time
	visit  func(object.Entry) error
}

// folder visits what is below a prefix, level by level down to a day.
func (w *walk) folder(ctx context.Context, prefix string) error {
	if _, isDay := object.DateOf(prefix); isDay && strings.HasSuffix(prefix, "/") {
		return w.all(ctx, prefix)
	}
	pages := w.client.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: &prefix})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("list", err)
		}
		if page.Segment == nil {
			continue
		}
		// A page has its folders and its blobs apart.
		type item struct {
			name string
			blob *container.BlobItem
		}
		var items []item
		for _, b := range page.Segment.BlobItems {
			items = append(items, item{*b.Name, b})
		}
		for _, p := range page.Segment.BlobPrefixes {
			items = append(items, item{*p.Name, nil})
		}
		slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.name, b.name) })
		for _, i := range items {
			switch {
			case i.blob != nil:
				err = w.blob(i.blob)
			case w.wanted(i.name):
				err = w.folder(ctx, i.name)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// all visits every blob below a prefix.
func (w *walk) all(ctx context.Context, prefix string) error {
	pages := w.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("list", err)
		}
		if page.Segment == nil {
			continue
		}
		for _, b := range page.Segment.BlobItems {
			if err := w.blob(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) blob(b *container.BlobItem) error {
	if b.Name == nil || b.Properties == nil || *b.Name <= w.after {
		return nil
	}
	p := b.Properties
	if p.ResourceType != nil && *p.ResourceType == "directory" { // of a hierarchical namespace
		return nil
	}
	return w.visit(entry(*b.Name, p.ETag, p.ContentLength, p.LastModified, p.CreationTime, p.BlobType))
}

// wanted reports whether a folder may hold what is asked for.
func (w *walk) wanted(folder string) bool {
	if folder < w.after && !strings.HasPrefix(w.after, folder) {
		return false
	}
	end, dated := endOf(folder)
	return !dated || w.since.IsZero() || end.After(w.since)
}

var (
	yearFolder  = regexp.MustCompile(`(?:^|/)y=\d{4}/$`)
	monthFolder = regexp.MustCompile(`(?:^|/)y=\d{4}/m=\d{2}/$`)
)

// endOf is the end of the year, month or day that a folder y=/m=/d=/ is of.
func endOf(folder string) (time.Time, bool) {
	switch {
	case yearFolder.MatchString(folder):
		d, ok := object.DateOf(folder + "m=12/d=31/")
		return d.End, ok
	case monthFolder.MatchString(folder):
		d, ok := object.DateOf(folder + "d=01/")
		return d.Begin.AddDate(0, 1, 0), ok
	}
	d, ok := object.DateOf(folder)
	return d.End, ok
}
