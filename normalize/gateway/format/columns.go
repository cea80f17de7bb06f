package format

import "strings"

// maxColumns is how many columns are told apart. What is behind them is one.
const maxColumns = 256

// Split appends the columns of a line to list. Between spaces, a column may be in
// quotes, or where brackets says so in brackets, which are taken off: it ends at the
// closing one that a space or the line's end follows. With another separator a column
// is what is between two.
func Split(line string, separator byte, brackets bool, list []string) []string {
	for line != "" {
		if len(list) == maxColumns {
			return append(list, line)
		}
		var column string
		if separator == ' ' {
			column, line = cutColumn(line, brackets)
		} else if end := strings.IndexByte(line, separator); end >= 0 {
			if column, line = line[:end], line[end+1:]; line == "" {
				list = append(list, column)
				column = ""
			}
		} else {
			column, line = line, ""
		}
		list = append(list, column)
	}
	return list
}

// cutColumn takes the first column off a line, with the space behind it.
func cutColumn(line string, brackets bool) (column, rest string) {
	if c := line[0]; c == '"' || c == '[' && brackets {
		closing := byte('"')
		if c == '[' {
			closing = ']'
		}
		for i := 1; i < len(line); i++ {
			if line[i] == closing && (i+1 == len(line) || line[i+1] == ' ') {
				return line[1:i], strings.TrimPrefix(line[i+1:], " ")
			}
		}
		return line[1:], "" // the line was cut
	}
	column, rest, _ = strings.Cut(line, " ")
	return column, rest
}
