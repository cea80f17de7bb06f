package main

import (
	"go/token"
	"strings"
	"unicode"
)

// initialisms are the words of OCSF names that Go spells in capitals.
var initialisms = func() map[string]bool {
	words := strings.Fields(`api arn cidr cpe cpid cpu cve dns http https iam id idp ip isp ja3 ja3s ja4
		jwt lan mac mfa mime os ou pid sha sni sql ssl sso tcp tid tls ttl udp uid uri url uuid vlan vpc`)
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}()

// goName turns an OCSF name into an exported Go one: src_url into SrcURL,
// subnet_uids into SubnetUIDs.
func goName(ocsf string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(ocsf, "_") {
		stem, plural := strings.CutSuffix(word, "s")
		switch {
		case initialisms[word]:
			b.WriteString(strings.ToUpper(word))
		case plural && initialisms[stem]:
			b.WriteString(strings.ToUpper(stem) + "s")
		case word != "":
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// fieldName is the unexported form: srcURL, isMFA, and type_ for a keyword.
func fieldName(ocsf string) string {
	first, rest, _ := strings.Cut(ocsf, "_")
	name := first + goName(rest)
	if token.IsKeyword(name) {
		name += "_"
	}
	return name
}

// captionName turns a caption into the tail of a constant: "In Progress" into
// InProgress, "SAML 2.0" into SAML20.
func captionName(caption string) string {
	words := strings.FieldsFunc(caption, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// celCannotSelect are the names that CEL's grammar refuses even after a dot.
var celCannotSelect = map[string]bool{"false": true, "in": true, "null": true, "true": true}

// celTaken are the names that a CEL variable cannot have: reserved words, the
// names of CEL's types, and the variables that every rule sees.
var celTaken = func() map[string]bool {
	words := strings.Fields(`as break const continue else for function if import let loop package
		namespace return var void while
		bool bytes double dyn int list map null_type optional_type string type uint
		event lists raw`)
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}()
