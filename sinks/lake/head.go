package lake

import "github.com/weir-security/weir/schemas/jsondoc"

// scanHead finds class_uid and time of an event that weir wrote, without parsing
// it: its text has no space between tokens, and of what lies between only strings
// and brackets are told apart. ok is false for any other text, and then the
// document says it.
//
// It decides where a row goes, not whether it is an event: that is decode's, which
// refuses what is no JSON, and a document with one key twice. For every other
// document both agree: FuzzScanHead. Placing a row takes 0.2 of the time:
// BenchmarkHead.
func scanHead(value []byte) (class, millis int64, ok bool) {
	if len(value) == 0 || value[0] != '{' {
		return 0, 0, false
	}
	var hasClass, hasTime bool
	for i := 1; i < len(value); i++ { // at a key
		key, ok := scanKey(value[i:])
		if !ok {
			return 0, 0, false
		}
		i += len(key) + len(`"":`)
		switch {
		case string(key) == "class_uid":
			class, i, hasClass = scanInt(value, i)
			ok = hasClass
		case string(key) == "time":
			millis, i, hasTime = scanInt(value, i)
			ok = hasTime
		default:
			i, ok = scanValue(value, i)
		}
		if hasClass && hasTime {
			return class, millis, ok
		}
		if !ok || i >= len(value) || value[i] != ',' {
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// scanKey gives the key that value begins with, if it has no escape and a colon
// follows.
func scanKey(value []byte) (key []byte, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return nil, false
	}
	end := 1 + jsondoc.PlainRun(value[1:])
	if end+1 >= len(value) || value[end] != '"' || value[end+1] != ':' {
		return nil, false
	}
	return value[1:end], true
}

// scanInt reads a whole number of at most 18 digits that a comma or brace ends.
func scanInt(value []byte, i int) (n int64, end int, ok bool) {
	begin := i
	for ; i < len(value) && value[i] >= '0' && value[i] <= '9'; i++ {
		n = n*10 + int64(value[i]-'0')
	}
	digits := i - begin
	if digits == 0 || digits > 18 || digits > 1 && value[begin] == '0' || i >= len(value) || value[i] != ',' && value[i] != '}' {
		return 0, i, false
	}
	return n, i, true
}

// scanValue gives the end of the value that begins at i.
func scanValue(value []byte, i int) (end int, ok bool) {
	depth := 0
	for i < len(value) {
		switch value[i] {
		case '"':
			i += 1 + jsondoc.SkipString(value[i+1:]) + 1
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',':
			if depth == 0 {
				return i, false // a value is missing
			}
			i++
		case ' ', '\t', '\n', '\r':
			return i, false
		default:
			i++
			if i < len(value) && !ends(value[i]) {
				continue
			}
		}
		if depth <= 0 && i < len(value) && ends(value[i]) {
			return i, depth == 0
		}
	}
	return i, false
}

func ends(c byte) bool { return c == ',' || c == '}' || c == ']' }
