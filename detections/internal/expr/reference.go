package expr

// What CEL and its extensions have, for the reference. The functions are cel-go's.

var celText = []Function{
	{Section: "Text", Name: "startsWith", Signature: "text.startsWith(prefix) -> bool", Cost: "1 + 0.1 a character of the prefix", Doc: "Begins with the prefix.", Example: `api.operation.startsWith("Stop")`},
	{Section: "Text", Name: "endsWith", Signature: "text.endsWith(suffix) -> bool", Cost: "1 + 0.1 a character of the suffix", Doc: "Ends with the suffix.", Example: `api.service.name.endsWith(".amazonaws.com")`},
	{Section: "Text", Name: "contains", Signature: "text.contains(part) -> bool", Cost: "1 + 0.1 a character", Doc: "Contains the part.", Example: `api.operation.contains("Logging")`},
	{Section: "Text", Name: "matches", Signature: "text.matches(pattern) -> bool", Cost: "1 + 0.1 a character, times a quarter of the pattern's length", Doc: "A part of the text matches the regular expression (RE2), which must be a literal; ^ and $ tie it to the ends.", Example: `api.operation.matches("^(Stop|Delete)")`},
	{Section: "Text", Name: "size", Signature: "size(text | list | json) -> int, x.size() -> int", Cost: "1", Doc: "How many characters, elements or members.", Example: `size("äb") == 2 && size(resources) == 1`},
	{Section: "Text", Name: "lowerAscii", Signature: "text.lowerAscii() -> string", Cost: "1 + 0.1 a character", Doc: "With small letters for A to Z.", Example: `"AbC".lowerAscii() == "abc"`},
	{Section: "Text", Name: "upperAscii", Signature: "text.upperAscii() -> string", Cost: "1 + 0.1 a character", Doc: "With capital letters for a to z.", Example: `"AbC".upperAscii() == "ABC"`},
	{Section: "Text", Name: "trim", Signature: "text.trim() -> string", Cost: "1 + 0.1 a character", Doc: "Without space at its ends.", Example: `"  a ".trim() == "a"`},
	{Section: "Text", Name: "split", Signature: "text.split(separator[, most]) -> list(string)", Cost: "1 + 0.1 a character", Doc: "The parts between the separators, at most so many.", Example: `"a/b/c".split("/") == ["a", "b", "c"] && "a/b/c".split("/", 2) == ["a", "b/c"]`},
	{Section: "Text", Name: "join", Signature: "list.join([separator]) -> string", Cost: "1 + 0.1 a character", Doc: "The texts of a list as one.", Example: `["a", "b"].join("-") == "a-b"`},
	{Section: "Text", Name: "replace", Signature: "text.replace(old, new[, most]) -> string", Cost: "1 + 0.1 a character", Doc: "With one text in place of another.", Example: `"a.b.c".replace(".", "-") == "a-b-c"`},
	{Section: "Text", Name: "substring", Signature: "text.substring(from[, to]) -> string", Cost: "1 + 0.1 a character", Doc: "The characters from one position to before another. A position outside of the text is an error.", Example: `"abcdef".substring(1, 3) == "bc"`},
	{Section: "Text", Name: "indexOf", Signature: "text.indexOf(part[, from]) -> int", Cost: "1 + 0.1 a character", Doc: "The position of the first such part, -1 if there is none.", Example: `"a/b/c".indexOf("/") == 1`},
	{Section: "Text", Name: "lastIndexOf", Signature: "text.lastIndexOf(part[, from]) -> int", Cost: "1 + 0.1 a character", Doc: "The position of the last such part, -1 if there is none.", Example: `"a/b/c".lastIndexOf("/") == 3`},
	{Section: "Text", Name: "charAt", Signature: "text.charAt(position) -> string", Cost: "1 + 0.1 a character", Doc: "One character. A position outside of the text is an error.", Example: `"abc".charAt(1) == "b"`},
	{Section: "Text", Name: "reverse", Signature: "text.reverse() -> string, list.reverse() -> list", Cost: "1 + 0.1 a character", Doc: "Backwards.", Example: `"abc".reverse() == "cba" && [1, 2].reverse() == [2, 1]`},
	{Section: "Text", Name: "format", Signature: "text.format(list) -> string", Cost: "1 + 0.1 a character", Doc: "%s, %d, %f, %x and others stand for the elements of the list.", Example: `"%s: %d".format(["a", 5]) == "a: 5"`},
	{Section: "Text", Name: "strings.quote", Signature: "strings.quote(text) -> string", Cost: "1 + 0.1 a character", Doc: "In double quotes, with escapes for control characters.", Example: `strings.quote("a\nb") == "\"a\\nb\""`},
	{Section: "Text", Name: "regex.replace", Signature: "regex.replace(text, pattern, new[, most]) -> string", Cost: "as matches", Doc: "With another text in place of what matches; \\1 is the first group.", Example: `regex.replace("a1b22", "[0-9]+", "#") == "a#b#"`},
	{Section: "Text", Name: "regex.extract", Signature: "regex.extract(text, pattern) -> optional(string)", Cost: "as matches", Doc: "The first match, or its group if there is one; orValue() gives the text.", Example: `regex.extract("user=alice", "user=(\\w+)").orValue("") == "alice"`},
	{Section: "Text", Name: "regex.extractAll", Signature: "regex.extractAll(text, pattern) -> list(string)", Cost: "as matches", Doc: "All matches, or their groups.", Example: `regex.extractAll("a1b22", "[0-9]+") == ["1", "22"]`},
	{Section: "Encodings", Name: "base64.decode", Signature: "base64.decode(text) -> bytes", Cost: "1 + 0.1 a character", Doc: "The bytes. What is no base64 is an error: base64Decode() is total.", Example: `base64.decode("aGk=") == b"hi"`},
	{Section: "Encodings", Name: "base64.encode", Signature: "base64.encode(bytes) -> string", Cost: "1 + 0.1 a byte", Doc: "Bytes as base64.", Example: `base64.encode(bytes("hi")) == "aGk="`},
}

var celList = []Function{
	{Section: "Lists", Name: "in", Signature: "x in list -> bool", Cost: "1 for each element; 1 for a list of literals", Doc: "The list, a JSON array, or lists.NAME has the value; a JSON object has the member.", Example: `api.operation in ["StopLogging", "DeleteTrail"]`},
	{Section: "Lists", Name: "exists", Signature: "list.exists(x, condition) -> bool", Cost: "that of the condition for each of 32 elements, 128 of JSON", Doc: "The condition holds of an element.", Example: `resources.exists(r, r.uid.startsWith("arn:"))`},
	{Section: "Lists", Name: "all", Signature: "list.all(x, condition) -> bool", Cost: "as exists", Doc: "The condition holds of every element, also if there is none.", Example: `resources.all(r, has(r.uid))`},
	{Section: "Lists", Name: "exists_one", Signature: "list.exists_one(x, condition) -> bool", Cost: "as exists", Doc: "The condition holds of exactly one element.", Example: `[1, 2, 3].exists_one(x, x > 2)`},
	{Section: "Lists", Name: "filter", Signature: "list.filter(x, condition) -> list", Cost: "as exists", Doc: "The elements of which the condition holds.", Example: `[1, 2, 3].filter(x, x > 1) == [2, 3]`},
	{Section: "Lists", Name: "map", Signature: "list.map(x[, condition], value) -> list", Cost: "as exists", Doc: "A value for each element, of which the condition holds.", Example: `[1, 2, 3].map(x, x * 2) == [2, 4, 6]`},
	{Section: "Lists", Name: "distinct", Signature: "list.distinct() -> list", Cost: "1 for each pair of elements", Doc: "Without repetitions.", Example: `["a", "b", "a"].distinct() == ["a", "b"]`},
	{Section: "Lists", Name: "flatten", Signature: "list.flatten([depth]) -> list", Cost: "1 for each element", Doc: "Lists within a list as one.", Example: `[[1], [2, 3]].flatten() == [1, 2, 3]`},
	{Section: "Lists", Name: "slice", Signature: "list.slice(from, to) -> list", Cost: "1 for each element", Doc: "The elements from one position to before another.", Example: `[1, 2, 3].slice(1, 3) == [2, 3]`},
	{Section: "Lists", Name: "sort", Signature: "list.sort() -> list", Cost: "1 for each pair of elements", Doc: "In order.", Example: `[3, 1, 2].sort() == [1, 2, 3]`},
	{Section: "Lists", Name: "sortBy", Signature: "list.sortBy(x, key) -> list", Cost: "1 for each pair of elements", Doc: "In the order of a key.", Example: `["bb", "a"].sortBy(x, x.size()) == ["a", "bb"]`},
	{Section: "Lists", Name: "hasAny", Signature: "list.hasAny(list) -> bool", Cost: "1 for each pair of elements", Doc: "The lists have an element in common.", Example: `["a", "b"].hasAny(["b", "c"])`},
	{Section: "Lists", Name: "hasAll", Signature: "list.hasAll(list) -> bool", Cost: "1 for each pair of elements", Doc: "The list has all elements of the other.", Example: `["a", "b"].hasAll(["b"])`},
	{Section: "Lists", Name: "hasOnly", Signature: "list.hasOnly(list) -> bool", Cost: "1 for each pair of elements", Doc: "All elements are among those of the other list.", Example: `["a", "a"].hasOnly(["a", "b"])`},
	{Section: "Lists", Name: "hasExactly", Signature: "list.hasExactly(list) -> bool", Cost: "1 for each pair of elements", Doc: "The lists have the same elements.", Example: `["a", "b"].hasExactly(["b", "a"])`},
	{Section: "Lists", Name: "lists.range", Signature: "lists.range(n) -> list(int)", Cost: "1 for each element", Doc: "The numbers from 0 to before n.", Example: `lists.range(3) == [0, 1, 2]`},
	{Section: "Lists", Name: "first", Signature: "list.first() -> optional", Cost: "1", Doc: "The first element, if there is one.", Example: `[1, 2].first().orValue(0) == 1`},
	{Section: "Lists", Name: "last", Signature: "list.last() -> optional", Cost: "1", Doc: "The last element, if there is one.", Example: `[1, 2].last().orValue(0) == 2`},
	{Section: "Lists", Name: "sets.contains", Signature: "sets.contains(list, list) -> bool", Cost: "1 for each pair of elements", Doc: "The first list has all elements of the second.", Example: `sets.contains(["a", "b"], ["b"])`},
	{Section: "Lists", Name: "sets.equivalent", Signature: "sets.equivalent(list, list) -> bool", Cost: "1 for each pair of elements", Doc: "The lists have the same elements.", Example: `sets.equivalent([1, 2], [2, 1, 1])`},
	{Section: "Lists", Name: "sets.intersects", Signature: "sets.intersects(list, list) -> bool", Cost: "1 for each pair of elements", Doc: "The lists have an element in common.", Example: `sets.intersects(["a", "b"], ["b", "c"])`},
}

var celMath = []Function{
	{Section: "Numbers", Name: "math.greatest", Signature: "math.greatest(x, y, ...) -> number", Cost: "1", Doc: "The greatest of numbers or of a list.", Example: `math.greatest(1, 3, 2) == 3`},
	{Section: "Numbers", Name: "math.least", Signature: "math.least(x, y, ...) -> number", Cost: "1", Doc: "The least of numbers or of a list.", Example: `math.least([3, 1, 2]) == 1`},
	{Section: "Numbers", Name: "math.abs", Signature: "math.abs(number) -> number", Cost: "1", Doc: "Without its sign.", Example: `math.abs(-3) == 3`},
	{Section: "Numbers", Name: "math.sign", Signature: "math.sign(number) -> number", Cost: "1", Doc: "-1, 0 or 1.", Example: `math.sign(-3.5) == -1.0`},
	{Section: "Numbers", Name: "math.ceil", Signature: "math.ceil(double) -> double", Cost: "1", Doc: "The next greater whole number; floor, round and trunc likewise.", Example: `math.ceil(1.2) == 2.0 && math.floor(1.8) == 1.0 && math.round(1.5) == 2.0 && math.trunc(-1.5) == -1.0`},
	{Section: "Numbers", Name: "math.sqrt", Signature: "math.sqrt(number) -> double", Cost: "1", Doc: "The square root.", Example: `math.sqrt(9.0) == 3.0`},
	{Section: "Numbers", Name: "math.isNaN", Signature: "math.isNaN(double) -> bool", Cost: "1", Doc: "No number; isInf and isFinite likewise.", Example: `!math.isNaN(1.0) && math.isFinite(1.0) && !math.isInf(1.0)`},
	{Section: "Numbers", Name: "math.bitAnd", Signature: "math.bitAnd(int, int) -> int", Cost: "1", Doc: "Bit by bit; bitOr, bitXor, bitNot, bitShiftLeft and bitShiftRight likewise.", Example: `math.bitAnd(6, 3) == 2 && math.bitOr(6, 3) == 7 && math.bitXor(6, 3) == 5 && math.bitShiftLeft(1, 3) == 8`},
}

var celTime = []Function{
	{Section: "Time", Name: "getHours", Signature: "time.getHours([zone]) -> int", Cost: "1", Doc: "The hour, 0 to 23, in UTC or in a zone as \"Europe/Berlin\" or \"+02:00\"; weir brings the zones along. A literal zone is checked when the rule is loaded.", Example: `timestamp("2026-07-01T22:30:00Z").getHours("Europe/Berlin") == 0 && timestamp("2026-07-01T22:30:00Z").getHours() == 22`},
	{Section: "Time", Name: "getDayOfWeek", Signature: "time.getDayOfWeek([zone]) -> int", Cost: "1", Doc: "The weekday, 0 for Sunday to 6 for Saturday.", Example: `timestamp("2026-07-05T22:30:00Z").getDayOfWeek("Europe/Berlin") == 1 && timestamp("2026-07-05T22:30:00Z").getDayOfWeek() == 0`},
	{Section: "Time", Name: "getMinutes", Signature: "time.getMinutes([zone]) -> int", Cost: "1", Doc: "The minute; of a duration, all of its minutes. getSeconds and getMilliseconds likewise.", Example: `timestamp("2026-07-01T22:30:00Z").getMinutes() == 30 && duration("2h").getMinutes() == 120`},
	{Section: "Time", Name: "getDate", Signature: "time.getDate([zone]) -> int", Cost: "1", Doc: "The day of the month from 1; getDayOfMonth counts from 0, getDayOfYear and getMonth, too.", Example: `timestamp("2026-07-01T22:30:00Z").getDate("Europe/Berlin") == 2 && timestamp("2026-07-01T22:30:00Z").getMonth() == 6`},
	{Section: "Time", Name: "getFullYear", Signature: "time.getFullYear([zone]) -> int", Cost: "1", Doc: "The year.", Example: `timestamp("2026-07-01T22:30:00Z").getFullYear() == 2026`},
}

var celOther = []Function{
	{Section: "Presence", Name: "orValue", Signature: "optional.orValue(value) -> value", Cost: "1", Doc: "What regex.extract, first or last gave, or another value if it was nothing; hasValue() tells.", Example: `[1].first().orValue(0) == 1 && [1].first().hasValue()`},
	{Section: "Presence", Name: "has", Signature: "has(attribute) -> bool", Cost: "1", Doc: "The attribute is there, be it empty or zero; a field of raw or unmapped likewise, also if it is null.", Example: `has(api.operation) && !has(actor.user.full_name)`},
}
