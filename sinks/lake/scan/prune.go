package scan

import (
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// hopeless tells from a row group's statistics and bloom filters, without reading a
// row, that it has no wanted event.
func (r *reader) hopeless(group int) (bool, error) {
	meta := r.in.ParquetReader().MetaData().RowGroup(group)
	if at, ok := r.columns()[timeColumn]; ok {
		stats, err := statistics(meta, at)
		if err != nil {
			return false, err
		}
		if times, ok := stats.(*metadata.Int64Statistics); ok && times.HasMinMax() && (times.Max() < r.from || times.Min() >= r.to) {
			return true, nil
		}
	}
	if len(r.conditions) == 0 {
		return false, nil
	}
	filters, err := r.in.ParquetReader().GetBloomFilterReader().RowGroup(group)
	if err != nil {
		return false, err
	}
	for _, all := range r.conditions {
		excluded := false
		for _, c := range all {
			if excluded, err = c.excluded(meta, filters); err != nil {
				return false, err
			}
			if excluded {
				break
			}
		}
		if !excluded {
			return false, nil
		}
	}
	return true, nil
}

func statistics(meta *metadata.RowGroupMetaData, column int) (metadata.TypedStatistics, error) {
	chunk, err := meta.ColumnChunk(column)
	if err != nil {
		return nil, err
	}
	if set, err := chunk.StatsSet(); err != nil || !set {
		return nil, err
	}
	return chunk.Statistics()
}

// excluded tells that no row can meet the equality.
func (c condition) excluded(meta *metadata.RowGroupMetaData, filters *metadata.RowGroupBloomFilterReader) (bool, error) {
	stats, err := statistics(meta, c.column)
	if err != nil || stats == nil {
		return false, err
	}
	if !stats.HasMinMax() && stats.NumValues() > 0 {
		return false, nil // left out by who wrote the file, as for very long texts
	}
	absent := !stats.HasNullCount() || stats.NullCount() > 0
	switch stats := stats.(type) {
	case *metadata.ByteArrayStatistics:
		return c.textsExcluded(stats, absent, filters)
	case *metadata.Int32Statistics:
		return c.numbersExcluded(absent, stats.HasMinMax(), int64(stats.Min()), int64(stats.Max())), nil
	case *metadata.Int64Statistics:
		return c.numbersExcluded(absent, stats.HasMinMax(), stats.Min(), stats.Max()), nil
	}
	return false, nil
}

// numbersExcluded looks at the least and the greatest number of the rows that have
// one; some is false if there is none.
func (c condition) numbersExcluded(absent, some bool, least, most int64) bool {
	return !slices.ContainsFunc(c.Numbers, func(n int64) bool {
		return n == 0 && absent || some && n >= least && n <= most
	})
}

func (c condition) textsExcluded(stats *metadata.ByteArrayStatistics, absent bool, filters *metadata.RowGroupBloomFilterReader) (bool, error) {
	var possible []string
	for _, text := range c.Texts {
		if text == "" && absent {
			return false, nil
		}
		if stats.HasMinMax() && text >= string(stats.Min()) && text <= string(stats.Max()) {
			possible = append(possible, text)
		}
	}
	if len(possible) == 0 {
		return true, nil
	}
	filter, err := filters.GetColumnBloomFilter(c.column)
	if err != nil || filter == nil {
		return false, err
	}
	return !slices.ContainsFunc(possible, func(text string) bool {
		return filter.CheckHash(metadata.GetHash(filter.Hasher(), parquet.ByteArray(text)))
	}), nil
}
